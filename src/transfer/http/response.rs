//! Responses.

use std::borrow::Cow;
use std::fmt::{Display, Write};

use bytes::Bytes;

use super::head::split_first_line;
use super::{Framing, HeadError, Headers, Version};

/// Room for the head of a usual answer, so that it is not moved while it is written.
const USUAL_HEAD: usize = 512;

/// A status code; known ones have a name and a phrase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status(pub u16);

impl Status {
    /// From here on the connection carries what another sends.
    pub const SWITCHING: Self = Self(101);
    /// The whole file.
    pub const OK: Self = Self(200);
    /// A push is on its way.
    pub const ACCEPTED: Self = Self(202);
    /// A part of it.
    pub const PARTIAL: Self = Self(206);
    /// The request breaks the rules.
    pub const BAD_REQUEST: Self = Self(400);
    /// Not shared here.
    pub const NOT_FOUND: Self = Self(404);
    /// We are no push proxy of that servent.
    pub const GONE: Self = Self(410);
    /// The range holds no byte of the file.
    pub const RANGE_NOT_SATISFIABLE: Self = Self(416);
    /// Too much head.
    pub const HEAD_TOO_LARGE: Self = Self(431);
    /// A method we do not have.
    pub const NOT_IMPLEMENTED: Self = Self(501);
    /// All slots are taken.
    pub const BUSY: Self = Self(503);
    /// The servent we asked to come did not.
    pub const NOBODY_CAME: Self = Self(504);

    /// The words behind the code. They are never empty: LimeWire fails on a line that ends with the code.
    pub const fn phrase(self) -> &'static str {
        match self {
            Self::SWITCHING => "Switching Protocols",
            Self::OK => "OK",
            Self::ACCEPTED => "Accepted",
            Self::PARTIAL => "Partial Content",
            Self::BAD_REQUEST => "Bad Request",
            Self::NOT_FOUND => "Not Found",
            Self::GONE => "Gone",
            Self::RANGE_NOT_SATISFIABLE => "Range Not Satisfiable",
            Self::HEAD_TOO_LARGE => "Request Header Fields Too Large",
            Self::NOT_IMPLEMENTED => "Not Implemented",
            Self::BUSY => "Service Unavailable",
            Self::NOBODY_CAME => "Gateway Timeout",
            Self(_) => "Unknown",
        }
    }
}

/// The head of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The version spoken.
    pub version: Version,
    /// The code.
    pub status: Status,
    /// The words behind it: for people, with gtk-gnutella the best explanation there is.
    pub phrase: Cow<'static, str>,
    /// The header fields.
    pub headers: Headers,
}

impl Response {
    /// A response in HTTP/1.1 without fields.
    pub fn new(status: Status) -> Self {
        Self {
            version: Version::Http11,
            status,
            phrase: status.phrase().into(),
            headers: Headers::new(),
        }
    }

    /// The same with one field more.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Display) -> Self {
        self.headers.push(name, value);
        self
    }

    /// Reads a head, up to and with its blank line.
    ///
    /// `HTTP 200 OK` of old servents is read as HTTP/1.0; no phrase is needed.
    ///
    /// # Errors
    /// [`HeadError::Malformed`] for a first line without a version or a code from 100 to 599, and those of
    /// [`Headers::parse`].
    pub fn parse(head: &[u8]) -> Result<Self, HeadError> {
        let (line, rest) = split_first_line(head)?;
        let line = String::from_utf8_lossy(line);
        let (version, line) = line.split_once(' ').ok_or(HeadError::Malformed)?;
        let version = if version == "HTTP" {
            Version::Http10
        } else {
            Version::parse(version).ok_or(HeadError::Malformed)?
        };
        let (code, phrase) = line.split_once(' ').unwrap_or((line, ""));
        let code = code.parse().map_err(|_| HeadError::Malformed)?;
        if !(100..600).contains(&code) {
            return Err(HeadError::Malformed);
        }
        Ok(Self {
            version,
            status: Status(code),
            phrase: phrase.trim().to_owned().into(),
            headers: Headers::parse(rest)?,
        })
    }

    /// The bytes of the head.
    pub fn encode(&self) -> Bytes {
        let (version, code) = (self.version.text(), self.status.0);
        let mut head = String::with_capacity(USUAL_HEAD);
        let _ = write!(head, "{version} {code} {}\r\n", self.phrase);
        self.headers.write(&mut head);
        head.into()
    }

    /// How long the body of a GET's response is.
    ///
    /// # Errors
    /// [`HeadError::Malformed`] when lengths differ or are none, or the encoding is not `chunked`.
    pub fn framing(&self) -> Result<Framing, HeadError> {
        if matches!(self.status.0, 100..200 | 204 | 304) {
            return Ok(Framing::Length(0));
        }
        if let Some(encoding) = self.headers.get("Transfer-Encoding") {
            return match encoding {
                _ if encoding.eq_ignore_ascii_case("chunked") => Ok(Framing::chunked()),
                _ => Err(HeadError::Malformed),
            };
        }
        let mut lengths = self.headers.all("Content-Length");
        let Some(length) = lengths.next() else {
            return Ok(Framing::UntilClose);
        };
        if lengths.any(|other| other != length) {
            return Err(HeadError::Malformed);
        }
        let length = length.parse().map_err(|_| HeadError::Malformed)?;
        Ok(Framing::Length(length))
    }

    /// Whether the connection goes on behind the body, if that has an end of its own.
    pub fn keeps_alive(&self) -> bool {
        match self.version {
            Version::Http10 => self.headers.lists("Connection", "keep-alive"),
            Version::Http11 => !self.headers.lists("Connection", "close"),
        }
    }
}

impl Display for Response {
    /// `503 Service Unavailable`, for people.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.status.0, self.phrase)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(head: &str) -> Result<Response, HeadError> {
        Response::parse(head.as_bytes())
    }

    #[test]
    fn a_response_goes_there_and_back() {
        let response = Response::new(Status::PARTIAL).with("Content-Length", 7);
        assert_eq!(Response::parse(&response.encode()), Ok(response));
    }

    #[test]
    fn old_and_terse_status_lines_are_read() {
        let old = parse("HTTP 200 OK\n\n").expect("old servents do");
        assert_eq!((old.version, old.status), (Version::Http10, Status::OK));
        let terse = parse("HTTP/1.1 404\r\n\r\n").expect("no phrase is needed");
        assert_eq!(terse.status, Status::NOT_FOUND);
        for head in [
            "HTTP/1.1\r\n\r\n",
            "HTTP/1.1 99 x\r\n\r\n",
            "GIV 1 2\r\n\r\n",
            "\n\n",
        ] {
            assert_eq!(parse(head), Err(HeadError::Malformed), "{head:?}");
        }
    }

    #[test]
    fn framing_follows_the_fields() {
        let framing = |fields: &str| parse(&format!("HTTP/1.1 200 OK\n{fields}\n"))?.framing();
        assert_eq!(framing("Content-Length: 5\n"), Ok(Framing::Length(5)));
        assert_eq!(framing(""), Ok(Framing::UntilClose));
        let both = "Content-Length: 5\nTransfer-Encoding: chunked\n";
        assert_eq!(framing(both), Ok(Framing::chunked()));
        for fields in [
            "Content-Length: -5\n",
            "Content-Length: 5\nContent-Length: 6\n",
            "Transfer-Encoding: gzip\n",
        ] {
            assert_eq!(framing(fields), Err(HeadError::Malformed), "{fields:?}");
        }
    }
}
