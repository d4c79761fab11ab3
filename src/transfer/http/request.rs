//! Requests.

use bytes::Bytes;

use super::head::split_first_line;
use super::{HeadError, Headers, Target, Version};

/// What is to be done with the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Send it.
    Get,
    /// Send the head a GET would be answered with.
    Head,
    /// Anything else: not for us.
    Other,
}

/// The head of a request. A body is never part of one that a servent answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What is to be done.
    pub method: Method,
    /// The path, as sent; [`Target::parse`] reads it.
    pub path: String,
    /// The version spoken.
    pub version: Version,
    /// The header fields.
    pub headers: Headers,
}

impl Request {
    /// A GET in HTTP/1.1 without fields.
    pub fn get(path: impl Into<String>) -> Self {
        Self {
            method: Method::Get,
            path: path.into(),
            version: Version::Http11,
            headers: Headers::new(),
        }
    }

    /// The same with one field more.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl std::fmt::Display) -> Self {
        self.headers.push(name, value);
        self
    }

    /// Reads a head, up to and with its blank line.
    ///
    /// The path is all between the method and the version: old servents send file names with their spaces.
    ///
    /// # Errors
    /// [`HeadError::Malformed`] for a first line without method, path and a known version, and those of [`Headers::parse`].
    pub fn parse(head: &[u8]) -> Result<Self, HeadError> {
        let (line, rest) = split_first_line(head)?;
        let line = String::from_utf8_lossy(line);
        let (method, rest_of_line) = line.split_once(' ').ok_or(HeadError::Malformed)?;
        let (path, version) = rest_of_line.rsplit_once(' ').ok_or(HeadError::Malformed)?;
        if method.is_empty() || path.is_empty() {
            return Err(HeadError::Malformed);
        }
        Ok(Self {
            method: match method {
                "GET" => Method::Get,
                "HEAD" => Method::Head,
                _ => Method::Other,
            },
            path: path.to_owned(),
            version: Version::parse(version).ok_or(HeadError::Malformed)?,
            headers: Headers::parse(rest)?,
        })
    }

    /// What it asks for.
    ///
    /// # Errors
    /// Those of [`Target::parse`].
    pub fn target(&self) -> Result<Target, HeadError> {
        Target::parse(&self.path)
    }

    /// Whether the connection is to go on after the response.
    pub fn keeps_alive(&self) -> bool {
        match self.version {
            Version::Http10 => self.headers.lists("Connection", "keep-alive"),
            Version::Http11 => !self.headers.lists("Connection", "close"),
        }
    }

    /// Whether a body follows the head, or might: where it ends is then a matter of opinion.
    pub fn has_body(&self) -> bool {
        let length = self.headers.all("Content-Length").any(|value| value != "0");
        length || self.headers.get("Transfer-Encoding").is_some()
    }

    /// The bytes of the head; a request of a method we do not know has none.
    pub fn encode(&self) -> Bytes {
        let method = match self.method {
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Other => return Bytes::new(),
        };
        let version = self.version.text();
        let mut head = format!("{method} {} {version}\r\n", self.path);
        self.headers.write(&mut head);
        head.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(head: &str) -> Result<Request, HeadError> {
        Request::parse(head.as_bytes())
    }

    #[test]
    fn a_request_goes_there_and_back() {
        let request = Request::get("/get/1/a%20b").with("Host", "127.0.0.1:6346");
        assert_eq!(Request::parse(&request.encode()), Ok(request));
    }

    #[test]
    fn a_name_may_hold_raw_spaces() {
        let request = parse("GET /get/1/My Song 2.mp3 HTTP/1.0\n\n").expect("old servents do");
        assert_eq!(request.path, "/get/1/My Song 2.mp3");
        assert_eq!(request.version, Version::Http10);
    }

    #[test]
    fn nonsense_is_refused() {
        for head in [
            "\r\n\r\n",
            "GET\r\n\r\n",
            "GET /\r\n\r\n",
            "GET / HTTP/2.0\r\n\r\n",
            "GET  HTTP/1.1\r\n\r\n",
            " / HTTP/1.1\r\n\r\n",
        ] {
            assert_eq!(parse(head), Err(HeadError::Malformed), "{head:?}");
        }
    }

    #[test]
    fn both_versions_keep_alive_by_their_own_rule() {
        for (head, kept) in [
            ("GET / HTTP/1.1\r\n\r\n", true),
            ("GET / HTTP/1.1\r\nConnection: Close\r\n\r\n", false),
            ("GET / HTTP/1.0\r\n\r\n", false),
            ("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true),
        ] {
            assert_eq!(
                parse(head).expect("well formed").keeps_alive(),
                kept,
                "{head:?}"
            );
        }
    }

    #[test]
    fn a_body_is_noticed() {
        for (fields, has) in [
            ("", false),
            ("Content-Length: 0\r\n", false),
            ("Content-Length: 5\r\n", true),
            ("Content-Length: 0\r\nContent-Length: 5\r\n", true),
            ("Transfer-Encoding: chunked\r\n", true),
        ] {
            let request = parse(&format!("GET / HTTP/1.1\r\n{fields}\r\n")).expect("well formed");
            assert_eq!(request.has_body(), has, "{fields:?}");
        }
    }
}
