//! Lines of stdin, where it is no terminal or can only print.
//!
//! The one rule: no line is held that no command could be. The rest of a longer one is passed over, unread.

use std::io;

use tokio::io::{AsyncBufRead, AsyncBufReadExt, BufReader, Stdin, stdin};

use super::failure::Failure;

/// Bytes of a line: a thousand words to search for, or as many urns to fetch as a list of them has.
pub(super) const LONGEST: usize = 64 << 10;

/// Lines, one after the other.
#[derive(Debug)]
pub(super) struct Lines<R> {
    input: R,
    /// What of the next one has been read: one byte more than [`LONGEST`] at most.
    begun: Vec<u8>,
}

impl Lines<BufReader<Stdin>> {
    /// Those of stdin.
    pub(super) fn of_stdin() -> Self {
        Self::new(BufReader::new(stdin()))
    }
}

impl<R: AsyncBufRead + Unpin> Lines<R> {
    fn new(input: R) -> Self {
        let begun = Vec::new();
        Self { input, begun }
    }

    /// The next, or why it is no command; none at the end. Nothing is lost when this is dropped before it is done.
    ///
    /// By bytes: what is not UTF-8 spoils its own line and not the script.
    ///
    /// # Errors
    /// The input cannot be read any further.
    pub(super) async fn next(&mut self) -> io::Result<Option<Result<String, Failure>>> {
        loop {
            let piece = self.input.fill_buf().await?;
            if piece.is_empty() && self.begun.is_empty() {
                return Ok(None);
            }
            let end = piece.iter().position(|byte| *byte == b'\n');
            let of_line = &piece[..end.unwrap_or(piece.len())];
            let room = LONGEST + 1 - self.begun.len();
            self.begun.extend(of_line.iter().take(room));
            let (is_over, taken) = (end.is_some() || piece.is_empty(), of_line.len());
            self.input.consume(taken + usize::from(end.is_some()));
            if is_over {
                let line = std::mem::take(&mut self.begun);
                let text = String::from_utf8_lossy(&line);
                return Ok(Some(bounded(&text).map(str::to_owned)));
            }
        }
    }
}

/// A line without what is blank at its end, unless it is too long.
pub(super) fn bounded(line: &str) -> Result<&str, Failure> {
    if line.len() > LONGEST {
        return Err(Failure::usage(format!(
            "a command has at most {LONGEST} bytes, and this line has more"
        )));
    }
    Ok(line.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_line_too_long_is_refused_and_the_next_one_read() {
        let long = "x".repeat(LONGEST + 1);
        for buffer in [1, 100, 1 << 20] {
            let text = format!("one\r\n{long}\n{}\n\ntwo", &long[1..]);
            let mut lines = Lines::new(BufReader::with_capacity(buffer, text.as_bytes()));
            let mut read = Vec::new();
            while let Some(line) = lines.next().await.expect("a slice") {
                read.push(line.ok());
            }
            let whole = |text: &str| Some(text.to_owned());
            let all = [
                whole("one"),
                None,
                whole(&long[1..]),
                whole(""),
                whole("two"),
            ];
            assert_eq!(read, all);
        }
    }
}
