//! Who is let in: the owner's programs. Not a web page that a browser was talked into calling with, whatever name it
//! calls us by (DNS rebinding) and from whatever site it comes (request forgery).

use std::hint::black_box;
use std::net::SocketAddr;

use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderName};

/// Set by browsers, and by no script of a page: where a call comes from.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The guard of a servent's API.
#[derive(Debug)]
pub(super) struct Guard {
    token: String,
}

impl Guard {
    /// One that lets in who knows `token`.
    pub(super) const fn new(token: String) -> Self {
        Self { token }
    }

    /// Judges a call by its headers, made to `local`, our end of the connection.
    ///
    /// # Errors
    /// Why it is refused, for the caller to read.
    pub(super) fn judge(&self, headers: &HeaderMap, local: SocketAddr) -> Result<(), &'static str> {
        let host = only(headers, &HOST).ok_or("exactly one Host header is needed")?;
        if !is_ours(host, local) {
            return Err("the Host header does not name this servent");
        }
        if headers.contains_key(ORIGIN) {
            let origin = only(headers, &ORIGIN).and_then(|origin| origin.strip_prefix("http://"));
            if origin != Some(host) {
                return Err("the Origin header names another site");
            }
        }
        if let Some(site) = headers.get(SEC_FETCH_SITE)
            && site != "same-origin"
            && site != "none"
        {
            return Err("another site sent this");
        }
        let token = only(headers, &AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
        match token {
            Some(token) if equal(token.as_bytes(), self.token.as_bytes()) => Ok(()),
            Some(_) => Err("the token is wrong"),
            None => Err("the token of api.json is needed: Authorization: Bearer TOKEN"),
        }
    }
}

/// The value of a header that is there once and readable.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(first)
}

/// Whether `host` names us literally: the very address the call came to, or `localhost` on loopback. Any other name can
/// be made to lead here by whoever owns it.
fn is_ours(host: &str, local: SocketAddr) -> bool {
    host == local.to_string()
        || local.ip().is_loopback() && host == format!("localhost:{}", local.port())
}

/// Whether they are equal, in a time that does not tell where they differ.
fn equal(a: &[u8], b: &[u8]) -> bool {
    let differ = a
        .iter()
        .zip(b)
        .fold(0, |differ, (a, b)| black_box(differ | (a ^ b)));
    a.len() == b.len() && differ == 0
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn judge(headers: &[(&'static str, &str)]) -> Result<(), &'static str> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let value = HeaderValue::from_bytes(value.as_bytes()).expect("a header");
            map.append(HeaderName::from_static(name), value);
        }
        let local = "127.0.0.1:4567".parse().expect("an address");
        Guard::new("secret".to_owned()).judge(&map, local)
    }

    const BEARER: (&str, &str) = ("authorization", "Bearer secret");

    #[test]
    fn the_owner_is_let_in() {
        for host in ["127.0.0.1:4567", "localhost:4567"] {
            assert_eq!(judge(&[("host", host), BEARER]), Ok(()));
            let origin = format!("http://{host}");
            let page = [
                ("host", host),
                ("origin", &origin),
                ("sec-fetch-site", "same-origin"),
                BEARER,
            ];
            assert_eq!(judge(&page), Ok(()), "a page of our own");
        }
    }

    #[test]
    fn a_name_that_was_made_to_lead_here_is_refused() {
        for host in [
            "evil.example:4567",
            "localhost.evil.example:4567",
            "localhost.:4567",
            "127.0.0.1.:4567",
            "LOCALHOST.evil:4567",
            "ｌｏｃａｌｈｏｓｔ:4567",
            "xn--localhost-9za:4567",
            "[::1]:4567",
            "[::ffff:127.0.0.1]:4567",
            "127.0.0.2:4567",
            "2130706433:4567",
            "0.0.0.0:4567",
            "127.0.0.1:4568",
            "127.0.0.1",
            "localhost",
            "user@127.0.0.1:4567",
            "127.0.0.1:4567@evil.example",
            "",
        ] {
            assert!(judge(&[("host", host), BEARER]).is_err(), "{host}");
        }
        assert!(judge(&[BEARER]).is_err(), "no Host");
        let two = [("host", "127.0.0.1:4567"), ("host", "evil.example"), BEARER];
        assert!(judge(&two).is_err(), "two Hosts");
    }

    #[test]
    fn another_site_is_refused_even_with_the_token() {
        let host = ("host", "127.0.0.1:4567");
        for origin in [
            "http://evil.example",
            "https://127.0.0.1:4567",
            "http://127.0.0.1:4568",
            "http://localhost:4567",
            "http://127.0.0.1:4567/",
            "file://",
            "null",
            "",
        ] {
            assert!(
                judge(&[host, ("origin", origin), BEARER]).is_err(),
                "{origin}"
            );
        }
        for site in ["cross-site", "same-site", "nonsense"] {
            assert!(
                judge(&[host, ("sec-fetch-site", site), BEARER]).is_err(),
                "{site}"
            );
        }
    }

    #[test]
    fn without_the_token_nothing_goes() {
        let host = ("host", "127.0.0.1:4567");
        assert!(judge(&[host]).is_err());
        for value in [
            "Bearer ",
            "Bearer secre",
            "Bearer secrets",
            "bearer secret",
            "Basic secret",
            "secret",
        ] {
            assert!(judge(&[host, ("authorization", value)]).is_err(), "{value}");
        }
        assert!(judge(&[host, BEARER, BEARER]).is_err(), "two of them");
    }
}
