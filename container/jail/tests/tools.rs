//! The programs that agents use work in a jail; each that is installed is run for real.

mod common;

use common::{Place, installed, print};
/// Runs `script` with and without namespaces, if all `programs` are installed.
#[track_caller]
fn works(programs: &[&str], script: &str, expected: &str) {
    if !programs.iter().all(|program| installed(program)) {
        return;
    }
    for kind in 0..2 {
        let place = Place::new();
        let seen = print(&place.shells(script)[kind]);
        assert!(seen.contains(expected), "{seen}");
    }
}

#[test]
fn bash() {
    let script = "bash -c 'set -o pipefail; diff <(seq 3) <(printf \"1\\n2\\n3\\n\") && cat <<< same | tr a-z A-Z'";
    works(&["bash"], script, "SAME");
}

#[test]
fn core_utilities() {
    let script = "set -e
        mkdir -p a/b; echo x >a/b/f; ln -s b a/c; ln a/b/f a/hard; chmod 600 a/b/f
        mv a/b d; cp -a d e; tar cf t.tar d; tar tf t.tar >/dev/null; find . -name f | sort | head -2
        touch -d 2020-01-01 d/f; rm -rf d; test ! -e d; ps -o pid= -p $$ >/dev/null; id -un || id -u
        dd if=/dev/urandom of=r bs=1k count=4 2>/dev/null; sha256sum r >/dev/null
        (sleep 1000 & kill $!; wait) 2>/dev/null; echo finished";
    works(&["tar", "find"], script, "finished");
}

#[test]
fn python_with_threads_processes_and_a_venv() {
    let script = "set -e
        python3 -c '
import subprocess, threading, multiprocessing, tempfile, sqlite3, asyncio, os
t = threading.Thread(target=lambda: None); t.start(); t.join()
print(subprocess.check_output([\"echo\", \"child\"]).decode())
with multiprocessing.get_context(\"fork\").Pool(2) as pool: assert pool.map(abs, [-1, -2]) == [1, 2]
tempfile.NamedTemporaryFile().write(b\"x\")
sqlite3.connect(\"db\").execute(\"create table t (a)\")
asyncio.run(asyncio.create_subprocess_exec(\"true\"))
'
        python3 -m venv --without-pip venv
        venv/bin/python -c 'import sys; print(sys.prefix)'";
    works(&["python3"], script, "/venv");
}

#[test]
fn pip() {
    let script = "set -e
        python3 -m venv venv
        mkdir -p pkg/mine; echo 'answer = 42' >pkg/mine/__init__.py
        venv/bin/pip --version
        venv/bin/pip list --disable-pip-version-check
        venv/bin/python -c 'print(\"works\")'";
    works(&["python3", "pip"], script, "works");
}

#[test]
fn node() {
    let script = "node -e '
        const { execSync, spawn } = require(\"child_process\"); const fs = require(\"fs\");
        const { Worker } = require(\"worker_threads\");
        fs.writeFileSync(\"a\", \"b\"); fs.renameSync(\"a\", \"c\"); fs.watch(\".\").close();
        const wasm = new WebAssembly.Module(new Uint8Array([0,97,115,109,1,0,0,0]));
        console.log(execSync(\"echo child\").toString());
        new Worker(\"require(`worker_threads`).parentPort.postMessage(1)\", { eval: true })
          .on(\"message\", () => console.log(\"worker spoke\"));'";
    works(&["node"], script, "worker spoke");
}

#[test]
fn npm() {
    let script = "set -e
        mkdir -p local; echo '{\"name\":\"local\",\"version\":\"1.0.0\"}' >local/package.json
        echo 'module.exports = 42' >local/index.js
        npm init -y >/dev/null
        npm install --offline --no-audit --no-fund ./local
        echo 'console.log(require(\"local\"))' >say.js
        npm pkg set scripts.say='node say.js'
        npm run say";
    works(&["npm"], script, "42");
}

#[test]
fn git() {
    let script = "set -e
        git init -q repo; cd repo
        git config user.email a@b; git config user.name a
        echo x >f; git add f; git commit -qm first; git checkout -qb other
        echo y >>f; git commit -qam second; git rebase -q master 2>/dev/null || true
        git gc -q; cd ..; git clone -q repo copy; git -C copy log --format=%s | head -1";
    works(&["git"], script, "second");
}

#[test]
fn the_c_compiler() {
    let script = "set -e
        printf '#include <stdio.h>\\nint main(void) { puts(\"compiled\"); return 0; }\\n' >a.c
        gcc -O1 -o a a.c; ./a";
    works(&["gcc"], script, "compiled");
}

#[test]
fn make_and_cmake() {
    works(
        &["make"],
        "printf 'all:\\n\\t@echo made\\n' >Makefile; make -s -j2",
        "made",
    );
}

#[test]
fn cargo() {
    let script = "set -e
        export CARGO_HOME=$PWD/cargo CARGO_TERM_QUIET=true
        cargo new -q --vcs none mine; cd mine
        cargo run -q --offline";
    works(&["cargo", "gcc"], script, "Hello, world!");
}

#[test]
fn terminals() {
    let script = "script -qec 'tty; stty size >/dev/null && echo a terminal' /dev/null";
    works(&["script"], script, "a terminal");
}

#[test]
fn perl_and_awk() {
    works(
        &["perl", "awk"],
        "perl -e 'print \"p\"; system(\"true\") == 0 or die'; awk 'BEGIN { print \"awk\" }'",
        "pawk",
    );
}
