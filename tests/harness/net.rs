//! A small world: two sites with names of their own, on an address of this machine, and what is on
//! them: a page, packages for three languages, a repository.
//!
//! Names lead there by the gateway's own list of hosts, which takes the place of the world's DNS.

use crate::eventually;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// Where packages and pages are.
pub const SITE: &str = "packages.example";
/// Where code is.
pub const CODE: &str = "code.example";

/// The world. Dropped, it is gone.
#[derive(Debug)]
pub struct World {
    folder: TempDir,
    address: Ipv4Addr,
    server: Child,
}

/// Serves a folder over HTTP and HTTPS, and writes down what it is asked. `/to/X` leads to X.
const SERVER: &str = r#"
import functools, http.server, ssl, sys, threading
folder, address, certificate, log = sys.argv[1:5]
class Site(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        with open(log, "a") as file:
            file.write(f"{self.headers['Host']} {self.path}\n")
        if not self.path.startswith("/to/"):
            return super().do_GET()
        self.send_response(302)
        self.send_header("Location", self.path[4:])
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *_):
        pass
site = functools.partial(Site, directory=folder)
http.server.ThreadingHTTPServer.daemon_threads = True
plain = http.server.ThreadingHTTPServer((address, 80), site)
secure = http.server.ThreadingHTTPServer((address, 443), site)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate)
secure.socket = context.wrap_socket(secure.socket, server_side=True, do_handshake_on_connect=False)
threading.Thread(target=plain.serve_forever, daemon=True).start()
secure.serve_forever()
"#;

/// Lays out everything that is on the sites, in the folder that is given and with its names.
const LAY_OUT: &str = r#"
set -e
site=$1 code=$2
mkdir -p www/simple/tiny www/npm www/files www/index/ti/ny www/crates work && cd work
echo 'hello from the world' > ../www/page
# Python
python3 - <<'END'
import zipfile
with zipfile.ZipFile("../www/files/tiny-1.0-py3-none-any.whl", "w") as wheel:
    info = "tiny-1.0.dist-info/"
    wheel.writestr("tiny.py", "word = 'from a wheel'\n")
    wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
    wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    wheel.writestr(info + "RECORD", "")
END
echo '<a href="/files/tiny-1.0-py3-none-any.whl">tiny-1.0-py3-none-any.whl</a>' > ../www/simple/tiny/index.html
# JavaScript
mkdir package && echo '{"name":"tiny","version":"1.0.0"}' > package/package.json
echo 'module.exports = "from a tarball"' > package/index.js
tar czf ../www/files/tiny-1.0.0.tgz package
cat > ../www/npm/tiny <<END
{"name":"tiny","dist-tags":{"latest":"1.0.0"},"versions":{"1.0.0":{"name":"tiny","version":"1.0.0",
"dist":{"tarball":"https://$site/files/tiny-1.0.0.tgz","shasum":"$(sha1sum ../www/files/tiny-1.0.0.tgz | cut -d' ' -f1)"}}}}
END
# Rust
mkdir -p tiny-1.0.0/src && touch tiny-1.0.0/src/lib.rs
printf '[package]\nname = "tiny"\nversion = "1.0.0"\n' > tiny-1.0.0/Cargo.toml
tar czf ../www/crates/tiny-1.0.0.crate tiny-1.0.0
echo "{\"dl\":\"https://$site/crates/{crate}-{version}.crate\"}" > ../www/index/config.json
sum=$(sha256sum ../www/crates/tiny-1.0.0.crate | cut -d' ' -f1)
echo "{\"name\":\"tiny\",\"vers\":\"1.0.0\",\"deps\":[],\"cksum\":\"$sum\",\"features\":{},\"yanked\":false}" > ../www/index/ti/ny/tiny
# A repository, for who asks without the help of a program there
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
git init -q code && cd code && echo 'from a repository' > README
git add README && git -c user.name=x -c user.email=x@x commit -q -m first && cd ..
git clone -q --bare code ../www/tiny.git && git -C ../www/tiny.git update-server-info
# Who vouches for them, and their certificate
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=world \
    -addext basicConstraints=critical,CA:true -keyout ca.key -out ../ca.pem 2>/dev/null
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=site -keyout site.key -out site.csr 2>/dev/null
printf "subjectAltName=DNS:$site,DNS:$code,DNS:*.$site\nextendedKeyUsage=serverAuth\n" > ext
openssl x509 -req -in site.csr -CA ../ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile ext -out site.crt 2>/dev/null
cat site.key site.crt > ../site.pem
"#;

impl World {
    /// A world with its sites; `None` for somebody who may not listen on ports 80 and 443.
    pub async fn start() -> Option<Self> {
        let address = own_address();
        // The ports everybody knows: what is captured in a session goes nowhere else.
        TcpListener::bind((address, 80)).ok()?;
        let folder = TempDir::with_prefix("world-").unwrap();
        let at = |name: &str| folder.path().join(name);
        let laid = Command::new("bash")
            .args(["-c", LAY_OUT, "lay-out", SITE, CODE])
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(
            laid.status.success(),
            "{}",
            String::from_utf8_lossy(&laid.stderr)
        );
        let server = Command::new("python3")
            .args(["-c", SERVER])
            .arg(at("www"))
            .arg(address.to_string())
            .args([at("site.pem"), at("asked")])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        fs::write(at("asked"), "").unwrap();
        let world = Self {
            folder,
            address,
            server,
        };
        world.lead(&[
            (SITE, &world.address.to_string()),
            (CODE, &world.address.to_string()),
        ]);
        let listens = |port| TcpStream::connect(SocketAddr::from((address, port))).is_ok();
        eventually!(listens(80) && listens(443), "the world does not begin");
        Some(world)
    }

    /// Where the sites are.
    #[must_use]
    pub fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// The list of hosts that stands for the world's DNS.
    #[must_use]
    pub fn hosts(&self) -> PathBuf {
        self.folder.path().join("hosts")
    }

    /// The certificate of who vouches for the sites.
    #[must_use]
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Makes names lead elsewhere, and all others nowhere.
    pub fn lead(&self, names: &[(&str, &str)]) {
        let lines = names
            .iter()
            .map(|(name, address)| format!("{address} {name}\n"));
        let new = self.hosts().with_extension("new");
        fs::write(&new, lines.collect::<String>()).unwrap();
        fs::rename(new, self.hosts()).unwrap();
    }

    /// What the sites were asked, each as `HOST PATH`.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        let asked = fs::read_to_string(self.folder.path().join("asked")).unwrap();
        asked.lines().map(str::to_owned).collect()
    }

    /// The folder that is on the sites.
    #[must_use]
    pub fn www(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// An address of this machine that no other test uses: each is a process of its own.
fn own_address() -> Ipv4Addr {
    let [high, middle, low] = [16, 8, 0].map(|shift| (std::process::id() >> shift) as u8);
    Ipv4Addr::new(127, 100 + (high & 63), middle, low.clamp(1, 254))
}
