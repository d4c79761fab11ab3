//! Fields: the words of a body, some of them in quotes.
//!
//! Blanks part them. One that begins with `"` runs to the next `"`; there is no escape, so no field holds one.

use std::str::FromStr;

use thiserror::Error;

/// The fields of a body, one after the other.
#[derive(Clone, Debug)]
pub struct Fields<'a>(&'a [u8]);

/// A field is missing, has no closing quote, or is no number of the size it should be.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("parameters are unparsable")]
pub struct Malformed;

impl<'a> Fields<'a> {
    /// Those of `body`.
    pub const fn new(body: &'a [u8]) -> Self {
        Self(body)
    }

    /// The next one.
    ///
    /// # Errors
    /// There is none, or its quote never closes.
    pub fn text(&mut self) -> Result<&'a [u8], Malformed> {
        self.maybe()?.ok_or(Malformed)
    }

    /// The next one, if there is one.
    ///
    /// # Errors
    /// Its quote never closes.
    pub fn maybe(&mut self) -> Result<Option<&'a [u8]>, Malformed> {
        let rest = self.0.trim_ascii_start();
        if let Some(quoted) = rest.strip_prefix(b"\"") {
            let end = quoted.iter().position(|&byte| byte == b'"');
            let end = end.ok_or(Malformed)?;
            self.0 = &quoted[end + 1..];
            return Ok(Some(&quoted[..end]));
        }
        let end = rest.iter().position(u8::is_ascii_whitespace);
        let (field, rest) = rest.split_at(end.unwrap_or(rest.len()));
        self.0 = rest;
        Ok((!field.is_empty()).then_some(field))
    }

    /// The next one, a decimal number.
    ///
    /// # Errors
    /// There is none, or it is no such number.
    pub fn number<T: FromStr>(&mut self) -> Result<T, Malformed> {
        number(self.text()?)
    }

    /// All that follows, blanks around it aside.
    pub const fn rest(&self) -> &'a [u8] {
        self.0.trim_ascii()
    }

    /// # Errors
    /// There is another one.
    pub fn end(&self) -> Result<(), Malformed> {
        match self.rest() {
            [] => Ok(()),
            _ => Err(Malformed),
        }
    }
}

/// A decimal number and nothing else.
pub(super) fn number<T: FromStr>(digits: &[u8]) -> Result<T, Malformed> {
    let text = std::str::from_utf8(digits).map_err(|_| Malformed)?;
    // A sign is no digit.
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Malformed);
    }
    text.parse().map_err(|_| Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(body: &str) -> Result<Vec<&str>, Malformed> {
        let mut fields = Fields::new(body.as_bytes());
        let mut all = Vec::new();
        while let Some(field) = fields.maybe()? {
            all.push(std::str::from_utf8(field).unwrap());
        }
        Ok(all)
    }

    #[test]
    fn quotes_keep_blanks_together() {
        assert_eq!(all("foo  \"a b\"\t3\r\n").unwrap(), ["foo", "a b", "3"]);
        assert_eq!(all("\"\" x").unwrap(), ["", "x"]);
        assert_eq!(all("a\"b c").unwrap(), ["a\"b", "c"]);
        assert_eq!(all("   ").unwrap(), [""; 0]);
        assert_eq!(all("foo \"bar"), Err(Malformed));
    }

    #[test]
    fn numbers_are_digits() {
        assert_eq!(number(b"65535"), Ok(65_535_u16));
        for bad in ["", "+1", "-1", "65536", "1x", "\u{661}"] {
            assert_eq!(number::<u16>(bad.as_bytes()), Err(Malformed), "{bad}");
        }
    }
}
