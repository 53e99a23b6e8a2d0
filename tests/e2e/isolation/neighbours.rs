//! Rooms: what calls of one session share, what they do not, and that sessions share nothing.

use nix::errno::Errno;
use serde_json::json;
use tests::procfs::Process;
use tests::{Gateway, MAIN, eventually, turn};

/// What the kernel says when there is no such file, no such process, no right, nobody listening.
const NONE: i32 = Errno::ENOENT as i32;
const NOBODY: i32 = Errno::ESRCH as i32;
const REFUSED: i32 = Errno::EPERM as i32;
const CLOSED: i32 = Errno::ECONNREFUSED as i32;

const OTHER: &str = "agent:main:other";

/// A server on a port and under an abstract name, with a file in `/tmp` and a secret in its
/// environment. It watches for processes that come into its sight from elsewhere.
const SERVER: &str = r#"
import os, socket
tcp = socket.create_server(("127.0.0.1", 4000))
named = socket.socket(socket.AF_UNIX); named.bind("\0room"); named.listen()
open("/tmp/mine", "w").write("x")
open("ready", "w").write("ready\n")
strangers = set()
while not os.path.exists("go"):
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try: status = open(f"/proc/{pid}/status").read()
        except OSError: continue
        if pid != "1" and "PPid:\t0\n" in status: strangers.add(status.split("\n")[0])
open("seen", "w").write(f"strangers: {sorted(strangers)}\n")
"#;

/// What another call makes of it. Each line is a name and an errno, 0 where it worked.
const CALL: &str = r#"
import os, socket, sys, ctypes
pid = int(sys.argv[1])
libc = ctypes.CDLL(None, use_errno=True)
def trace():
    if libc.ptrace(0x4206, pid, 0, 0): raise OSError(ctypes.get_errno(), "")
def named():
    socket.socket(socket.AF_UNIX).connect("\0room")
attempts = {
    "connect": lambda: socket.create_connection(("127.0.0.1", 4000), 5),
    "named": named,
    "tmp": lambda: open("/tmp/mine"),
    "signal": lambda: os.kill(pid, 0),
    "held": lambda: os.pidfd_open(pid),
    "trace": trace,
    "environ": lambda: open(f"/proc/{pid}/environ"),
    "memory": lambda: open(f"/proc/{pid}/mem"),
    "root": lambda: os.listdir(f"/proc/{pid}/root"),
    "descriptors": lambda: os.readlink(f"/proc/{pid}/fd/0"),
    "namespace": lambda: os.readlink(f"/proc/{pid}/ns/pid"),
}
for name, attempt in attempts.items():
    try: attempt(); errno = 0
    except OSError as error: errno = error.errno or 1
    print(name, errno)
"#;

/// Starts the server in the main session, and returns its process as it is known outside.
async fn serves(gateway: &Gateway) -> Process {
    gateway.write("server.py", SERVER);
    gateway.write("call.py", CALL);
    let command = json!({ "command": "exec python3 -I server.py", "background": true });
    gateway
        .model
        .script([turn().calls("exec", command), turn().says("Done.")]);
    gateway.chat().asks("serve").await;
    eventually!(
        gateway.read("ready") == "ready\n",
        "no server:\n{}",
        gateway.log()
    );
    gateway.titled("server.py").remove(0)
}

fn call(server: &Process) -> String {
    format!("python3 -I call.py {}", server.pid)
}

#[tokio::test]
async fn calls_of_one_session_share_a_room_and_not_their_processes() {
    let gateway = Gateway::start().await;
    let server = serves(&gateway).await;
    let said = gateway.chat_in(MAIN).runs(&call(&server)).await;
    let expected = format!(
        "connect 0\nnamed {REFUSED}\ntmp 0\nsignal {NOBODY}\nheld {NOBODY}\ntrace {REFUSED}\nenviron {NONE}\n\
         memory {NONE}\nroot {NONE}\ndescriptors {NONE}\nnamespace {NONE}\n"
    );
    assert_eq!(said, expected);
    // Whoever builds the walls of the next call is in the room for a moment, with every right.
    for _ in 0..8 {
        gateway.chat_in(MAIN).runs("true").await;
    }
    gateway.write("go", "");
    eventually!(gateway.read("seen").ends_with('\n'));
    assert_eq!(gateway.read("seen"), "strangers: []\n");
}

#[tokio::test]
async fn sessions_share_no_room() {
    let gateway = Gateway::start().await;
    let server = serves(&gateway).await;
    let said = gateway.chat_in(OTHER).runs(&call(&server)).await;
    let expected = format!(
        "connect {CLOSED}\nnamed {CLOSED}\ntmp {NONE}\nsignal {NOBODY}\nheld {NOBODY}\n\
         trace {REFUSED}\nenviron {NONE}\nmemory {NONE}\nroot {NONE}\ndescriptors {NONE}\n\
         namespace {NONE}\n"
    );
    assert_eq!(said, expected);
    gateway.write("go", "");
    eventually!(gateway.read("seen").ends_with('\n'));
}

/// Without namespaces they see each other, and can do nothing to one another.
#[tokio::test]
async fn without_rooms_calls_reach_none_of_the_others_processes() {
    let setup = Gateway::setup().await.config(|config| {
        config["sandbox"] = json!({ "namespaces": "off", "network": "none", "minimum": 1 });
    });
    let gateway = setup.start().await;
    gateway.write("call.py", CALL);
    let waiting = "echo ready > ready; exec sleep 1000";
    let command = json!({ "command": waiting, "background": true });
    gateway
        .model
        .script([turn().calls("exec", command), turn().says("Done.")]);
    gateway.chat().asks("wait").await;
    eventually!(gateway.read("ready") == "ready\n");
    let other = gateway.titled("sleep 1000").remove(0);
    for session in [MAIN, OTHER] {
        let said = gateway.chat_in(session).runs(&call(&other)).await;
        for attempt in [
            "signal",
            "trace",
            "environ",
            "memory",
            "root",
            "descriptors",
            "namespace",
        ] {
            let worked = format!("{attempt} 0\n");
            assert!(!said.contains(&worked), "{session}: {said}");
            assert!(said.contains(attempt), "{session}: {said}");
        }
    }
}

/// The toolbox runs the commands, speaks to the gateway, and is of the same user.
#[tokio::test]
async fn a_command_can_not_get_at_the_toolbox_that_runs_it() {
    for namespaces in ["auto", "off"] {
        let setup = Gateway::setup().await.config(|config| {
            config["sandbox"] = json!({ "namespaces": namespaces, "minimum": 1 });
        });
        let gateway = setup.start().await;
        gateway.write("call.py", CALL);
        let command = "cat /proc/$PPID/comm; python3 -I call.py $PPID";
        let said = gateway.chat_in(MAIN).runs(command).await;
        assert!(said.starts_with("openclaw-toolbo\n"), "{said}");
        for attempt in [
            "trace",
            "environ",
            "memory",
            "root",
            "descriptors",
            "namespace",
        ] {
            let worked = format!("{attempt} 0\n");
            assert!(!said.contains(&worked), "{namespaces}: {said}");
            assert!(said.contains(attempt), "{namespaces}: {said}");
        }
    }
}
