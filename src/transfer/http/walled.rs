//! `X-Falt`: servents that have the file and cannot be connected to.

use std::fmt;
use std::net::SocketAddrV4;
use std::str::FromStr;

use super::HeadError;
use crate::wire::Guid;

/// The feature by which somebody says that he reads them (`X-Features`).
pub const READS_WALLED: &str = "fwalt/0.1";

/// The most that are read from one field, and the most proxies of each.
const MOST_READ: usize = 16;
const MOST_PROXIES: usize = 4;

/// A servent that has to be told to connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Walled {
    /// Its GUID.
    pub servent: Guid,
    /// Where it stands: for whoever counts hosts, and for those who knock on both sides of a wall.
    pub addr: Option<SocketAddrV4>,
    /// Who passes a Push on to it.
    pub proxies: Vec<SocketAddrV4>,
}

impl FromStr for Walled {
    type Err = HeadError;

    /// Reads `GUID;fwt/1;PORT:IP;pptls=E;IP:PORT;…`, of which only the GUID must be there. What is nothing of these is
    /// passed over, as in gtk-gnutella.
    fn from_str(text: &str) -> Result<Self, HeadError> {
        let mut items = text.split(';').map(str::trim);
        let servent = items.next().and_then(|guid| guid.parse().ok());
        let mut walled = Self {
            servent: servent.ok_or(HeadError::Malformed)?,
            addr: None,
            proxies: Vec::new(),
        };
        for item in items {
            if let Ok(proxy) = item.parse::<SocketAddrV4>() {
                if proxy.port() != 0 && walled.proxies.len() < MOST_PROXIES {
                    walled.proxies.push(proxy);
                }
            } else if let Some((port, ip)) = item.split_once(':')
                && let (Ok(port @ 1..), Ok(ip)) = (port.parse(), ip.parse())
            {
                walled.addr = Some(SocketAddrV4::new(ip, port));
            }
        }
        Ok(walled)
    }
}

impl fmt::Display for Walled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", data_encoding::HEXUPPER.encode(&self.servent.0))?;
        if let Some(addr) = self.addr {
            write!(f, ";{}:{}", addr.port(), addr.ip())?;
        }
        let proxies = self.proxies.iter().take(MOST_PROXIES);
        { proxies }.try_for_each(|proxy| write!(f, ";{proxy}"))
    }
}

/// Reads a list of them; what is none is passed over.
pub fn read_walled(value: &str) -> Vec<Walled> {
    let items = value.split(',').filter_map(|item| item.parse().ok());
    items.take(MOST_READ).collect()
}

/// Writes such a list.
pub fn tell_walled(walled: &[Walled]) -> String {
    let items: Vec<String> = walled.iter().map(ToString::to_string).collect();
    items.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gtk_gnutellas_own_example_is_read() {
        let text = "9DBC52EEEBCA2C8A79036D626B959900;fwt/1;26252:85.182.49.3;\
                    pptls=E;69.12.88.95:1085;64.53.20.48:804;66.17.23.159:343";
        let read = read_walled(text);
        assert_eq!(
            tell_walled(&read),
            "9DBC52EEEBCA2C8A79036D626B959900;26252:85.182.49.3;\
             69.12.88.95:1085;64.53.20.48:804;66.17.23.159:343"
        );
        assert_eq!(read_walled(&tell_walled(&read)), read);
    }

    #[test]
    fn lies_and_lists_without_end_are_cut_short() {
        let guid = "9dbc52eeebca2c8a79036d626b959900";
        let [bare] = &read_walled(&format!("x;1.2.3.4:5,{guid},,;{guid}"))[..] else {
            panic!("one has a GUID in its place");
        };
        assert_eq!((bare.addr, &*bare.proxies), (None, &[][..]));
        let odd = format!("{guid};0:1.2.3.4;5:999.1.1.1;1.1.1.1:0;a/b;;[::1]:5;5:5");
        assert_eq!(read_walled(&odd)[0], *bare);
        let many = format!("{guid}{}", ";1.2.3.4:5".repeat(100));
        assert_eq!(read_walled(&many)[0].proxies.len(), MOST_PROXIES);
        assert_eq!(
            read_walled(&format!("{many},").repeat(100)).len(),
            MOST_READ
        );
    }
}
