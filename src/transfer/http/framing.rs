//! Where a body ends.

use bytes::{Buf, BytesMut};

use super::{HeadError, MAX_LINES};

/// How the end of a body is told, and how much of it is still to come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Framing {
    /// So many more bytes.
    Length(u64),
    /// In chunks, each with its length before it.
    Chunked(Chunked),
    /// All that comes until the server closes: whether it is whole nobody knows.
    UntilClose,
}

impl Framing {
    /// A body in chunks, before the first one.
    pub const fn chunked() -> Self {
        Self::Chunked(Chunked::Size)
    }

    /// Whether all of the body has been seen.
    pub const fn is_done(&self) -> bool {
        matches!(self, Self::Length(0) | Self::Chunked(Chunked::Done))
    }

    /// Moves body bytes from `ahead`, what was read from the socket, to `body`, `room` bytes at most. Returns how many.
    ///
    /// # Errors
    /// [`HeadError::Malformed`] when the chunks are, [`HeadError::TooLarge`] for endless lines between them.
    pub fn take(
        &mut self,
        ahead: &mut BytesMut,
        body: &mut BytesMut,
        room: usize,
    ) -> Result<usize, HeadError> {
        match self {
            Self::Length(left) => {
                let count = usize::try_from(*left).unwrap_or(usize::MAX);
                let count = count.min(ahead.len()).min(room);
                *left -= count as u64;
                body.extend_from_slice(&ahead.split_to(count));
                Ok(count)
            }
            Self::Chunked(chunked) => chunked.take(ahead, body, room),
            Self::UntilClose => {
                let count = ahead.len().min(room);
                body.extend_from_slice(&ahead.split_to(count));
                Ok(count)
            }
        }
    }
}

/// Where in a chunked body we are (RFC 9112, section 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chunked {
    /// Before a line with a chunk's size.
    Size,
    /// In a chunk that has so many more bytes.
    Data(u64),
    /// Before the line end behind a chunk.
    DataEnd,
    /// In the lines behind the last chunk, of which so many have passed.
    Trailer(usize),
    /// Behind the end.
    Done,
}

/// The longest line between chunks in bytes: a size and extensions nobody sends.
const MAX_LINE: usize = 1024;

impl Chunked {
    fn take(
        &mut self,
        ahead: &mut BytesMut,
        body: &mut BytesMut,
        room: usize,
    ) -> Result<usize, HeadError> {
        let mut taken = 0;
        loop {
            *self = match *self {
                Self::Done => return Ok(taken),
                Self::Data(0) => Self::DataEnd,
                Self::Data(left) => {
                    let count = usize::try_from(left).unwrap_or(usize::MAX);
                    let count = count.min(ahead.len()).min(room - taken);
                    if count == 0 {
                        return Ok(taken);
                    }
                    body.extend_from_slice(&ahead.split_to(count));
                    taken += count;
                    Self::Data(left - count as u64)
                }
                between => {
                    let Some(line) = take_line(ahead)? else {
                        return Ok(taken);
                    };
                    between.after(&line)?
                }
            }
        }
    }

    /// What follows a line between chunks.
    fn after(self, line: &[u8]) -> Result<Self, HeadError> {
        match self {
            Self::Size => match chunk_size(line).ok_or(HeadError::Malformed)? {
                0 => Ok(Self::Trailer(0)),
                size => Ok(Self::Data(size)),
            },
            Self::DataEnd if line.is_empty() => Ok(Self::Size),
            Self::Trailer(_) if line.is_empty() => Ok(Self::Done),
            Self::Trailer(MAX_LINES) => Err(HeadError::TooLarge),
            Self::Trailer(lines) => Ok(Self::Trailer(lines + 1)),
            _ => Err(HeadError::Malformed),
        }
    }
}

/// Takes a line out of `ahead`, without its end; none while it is not whole.
fn take_line(ahead: &mut BytesMut) -> Result<Option<BytesMut>, HeadError> {
    let Some(end) = ahead.iter().take(MAX_LINE).position(|&byte| byte == b'\n') else {
        return match ahead.len() {
            ..MAX_LINE => Ok(None),
            _ => Err(HeadError::TooLarge),
        };
    };
    let mut line = ahead.split_to(end);
    ahead.advance(1);
    if line.last() == Some(&b'\r') {
        line.truncate(end - 1);
    }
    Ok(Some(line))
}

/// The hexadecimal size at the head of a chunk, its extensions not looked at.
fn chunk_size(line: &[u8]) -> Option<u64> {
    let digits = line.split(|&byte| byte == b';').next()?.trim_ascii();
    if digits.first() == Some(&b'+') {
        return None;
    }
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes `wire` in pieces of `step` bytes.
    fn take(mut framing: Framing, wire: &[u8], step: usize) -> Result<(Vec<u8>, bool), HeadError> {
        let (mut ahead, mut body) = (BytesMut::new(), BytesMut::new());
        for piece in wire.chunks(step) {
            ahead.extend_from_slice(piece);
            framing.take(&mut ahead, &mut body, usize::MAX)?;
        }
        Ok((body.to_vec(), framing.is_done()))
    }

    #[test]
    fn chunks_are_joined_however_they_arrive() {
        let wire = b"5\r\nhello\r\n1;ext=1\r\n \r\n5\nworld\n0\r\nTrailer: x\r\n\r\n";
        for step in 1..wire.len() {
            let taken = take(Framing::chunked(), wire, step);
            assert_eq!(taken, Ok((b"hello world".to_vec(), true)), "{step}");
        }
    }

    #[test]
    fn no_part_of_a_chunked_body_is_taken_for_all() {
        let wire = b"5\r\nhello\r\n0\r\n\r\n";
        for end in 1..wire.len() {
            let (_, done) = take(Framing::chunked(), &wire[..end], end).expect("well formed");
            assert!(!done, "{end}");
        }
    }

    #[test]
    fn malformed_chunks_are_refused() {
        for wire in [
            "x\r\n",
            "+5\r\nhello",
            "5\r\nhelloworld\r\n",
            "\r\n",
            "-1\r\n",
        ] {
            let taken = take(Framing::chunked(), wire.as_bytes(), wire.len());
            assert_eq!(taken, Err(HeadError::Malformed), "{wire:?}");
        }
        let endless = "0\r\n".to_owned() + &"A: b\r\n".repeat(MAX_LINES + 1);
        for wire in [endless, "1".repeat(MAX_LINE)] {
            let taken = take(Framing::chunked(), wire.as_bytes(), wire.len());
            assert_eq!(taken, Err(HeadError::TooLarge));
        }
    }

    #[test]
    fn room_is_kept() {
        for mut framing in [Framing::Length(8), Framing::UntilClose, Framing::chunked()] {
            let mut ahead = BytesMut::from(&b"8\r\n12345"[..]);
            let mut body = BytesMut::new();
            assert_eq!(framing.take(&mut ahead, &mut body, 3), Ok(3));
            assert_eq!(body.len(), 3);
        }
    }
}
