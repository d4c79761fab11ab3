//! What a server answers, as a client reads it: 201, and the two that bring users together, 204 and 501.

use std::net::{Ipv4Addr, SocketAddrV4};

use super::fields::{Fields, Malformed};
use super::share::Shared;
use super::token::address;

/// A file that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit<'a> {
    /// The file.
    pub file: Shared<'a>,
    /// Its owner.
    pub nick: &'a [u8],
    /// Where the owner is.
    pub addr: Ipv4Addr,
}

/// Where to meet a user for a file: `nick ip port "file" md5 speed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meeting<'a> {
    /// Who.
    pub nick: &'a [u8],
    /// Where; port 0 cannot be connected to.
    pub addr: SocketAddrV4,
    /// The file, as its owner shares it.
    pub file: &'a [u8],
    /// The mark of its content.
    pub mark: &'a [u8],
}

impl<'a> Hit<'a> {
    /// Reads the body of a 201; what follows the owner's address is of no use.
    ///
    /// # Errors
    /// It is no such body.
    pub fn parse(body: &'a [u8]) -> Result<Self, Malformed> {
        let mut fields = Fields::new(body);
        Ok(Self {
            file: Shared::read(&mut fields)?,
            nick: fields.text()?,
            addr: address(fields.text()?)?,
        })
    }
}

impl<'a> Meeting<'a> {
    /// Reads the body of a 204 or 501.
    ///
    /// # Errors
    /// It is no such body.
    pub fn parse(body: &'a [u8]) -> Result<Self, Malformed> {
        let mut fields = Fields::new(body);
        let nick = fields.text()?;
        let ip = address(fields.text()?)?;
        Ok(Self {
            nick,
            addr: SocketAddrV4::new(ip, fields.number()?),
            file: fields.text()?,
            mark: fields.maybe()?.unwrap_or_default(),
        })
    }

    /// Whether the server says that neither side can be connected to.
    pub fn is_hopeless(&self) -> bool {
        self.mark == b"firewallerror"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_answers_are_read() {
        let hit = b"\"C:\\music\\Ventolin\\remix.mp3\" 0000 1234567 192 44100 301 alice 16777343 9";
        let hit = Hit::parse(hit).unwrap();
        assert_eq!((hit.file.size, hit.nick), (1_234_567, &b"alice"[..]));
        assert_eq!(hit.addr, Ipv4Addr::LOCALHOST);
        let meeting = Meeting::parse(b"fwall 16777343 0 \"/f/a tune.mp3\" 0000 3").unwrap();
        assert_eq!(meeting.addr, SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0));
        assert_eq!(meeting.file, b"/f/a tune.mp3");
        assert!(!meeting.is_hopeless());
        assert!(Hit::parse(b"\"x\" 0 1 2 3 4 alice").is_err());
    }
}
