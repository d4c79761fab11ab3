//! What lets a caller in: the address and the token of a running servent, in a file of its data folder.

use std::fs::{self, File};
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The file's name in the data folder.
const NAME: &str = "api.json";

/// Only the owner reads it.
const OWNER_ONLY: u32 = 0o600;

/// Address and token of a control API.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pass {
    /// Where the API is, as `http://127.0.0.1:40123`.
    pub url: String,
    /// Whoever knows this is the owner. 64 hexadecimal digits, new at every start.
    pub token: String,
    /// Where the servent itself listens.
    pub listen: SocketAddr,
}

impl Pass {
    /// A fresh one. Its token is 244 bits of the system's dice.
    pub(super) fn issue(api: SocketAddr, listen: SocketAddr) -> Self {
        let [a, b] = [Uuid::new_v4(), Uuid::new_v4()];
        Self {
            url: format!("http://{}", from_here(api)),
            token: format!("{}{}", a.simple(), b.simple()),
            listen,
        }
    }

    /// That of the servent that keeps its state in `data`, or kept: whether it still runs only a call tells.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub fn read(data: &Path) -> io::Result<Self> {
        Ok(serde_json::from_slice(&fs::read(data.join(NAME))?)?)
    }

    /// Where the API is.
    ///
    /// # Errors
    /// The file was not written by a servent.
    pub fn addr(&self) -> io::Result<SocketAddr> {
        let addr = self
            .url
            .strip_prefix("http://")
            .and_then(|addr| addr.parse().ok());
        addr.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "no address in api.json"))
    }

    /// Writes it into `data`, whole or not at all, at no time readable by others.
    pub(super) fn write(&self, data: &Path) -> io::Result<()> {
        let unfinished = data.join("api.json.new");
        // One that a crash left may have any mode.
        remove(&unfinished)?;
        let mut file = File::options()
            .write(true)
            .create_new(true)
            .mode(OWNER_ONLY)
            .open(&unfinished)?;
        file.write_all(&serde_json::to_vec(self)?)?;
        fs::rename(&unfinished, data.join(NAME))
    }

    /// Takes it away from `data`.
    pub(super) fn withdraw(data: &Path) -> io::Result<()> {
        remove(&data.join(NAME))
    }
}

impl std::fmt::Debug for Pass {
    /// Without the token: this may end up in a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pass")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// Where a caller on this machine finds what listens at `addr`: what listens everywhere is called by the name of no place,
/// and answers to none but that by which a call came.
fn from_here(addr: SocketAddr) -> SocketAddr {
    let ip = match addr.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, addr.port())
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn who_listens_everywhere_is_called_on_loopback() {
        for (api, called) in [
            ("127.0.0.1:99", "http://127.0.0.1:99"),
            ("0.0.0.0:99", "http://127.0.0.1:99"),
            ("[::]:99", "http://[::1]:99"),
            ("192.0.2.1:99", "http://192.0.2.1:99"),
        ] {
            let api = api.parse().expect("an address");
            assert_eq!(Pass::issue(api, api).url, called);
        }
    }

    #[test]
    fn only_the_owner_reads_it_and_no_log_shows_it() {
        let data = tempfile::tempdir().expect("a temporary folder");
        let addr = "127.0.0.1:40123".parse().expect("an address");
        let pass = Pass::issue(addr, addr);
        assert_ne!(pass, Pass::issue(addr, addr), "a new token each time");
        fs::write(data.path().join("api.json.new"), "left by a crash").expect("written");
        pass.write(data.path()).expect("written");
        let file = fs::metadata(data.path().join(NAME)).expect("it is there");
        assert_eq!(file.permissions().mode() & 0o777, OWNER_ONLY);
        assert_eq!(Pass::read(data.path()).expect("read"), pass);
        assert_eq!(pass.addr().expect("an address"), addr);
        assert!(!format!("{pass:?}").contains(&pass.token));
        Pass::withdraw(data.path()).expect("taken away");
        assert!(Pass::read(data.path()).is_err());
    }
}
