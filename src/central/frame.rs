//! Frames: a length, a type, and so many bytes. `napster.txt`, "Message format".

use std::fmt;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use thiserror::Error;

/// The longest body a client may send; opennap-ng's `max_command_length`, which every client keeps to.
pub const MAX_BODY: usize = 2048;

/// Length and type.
const HEAD: usize = 4;

/// One message: both numbers stand little-endian before the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What it is.
    pub kind: Kind,
    /// Its fields: opaque bytes, in no encoding that anybody agreed on.
    pub body: Bytes,
}

/// Why bytes are no frame.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("a frame of {length} bytes, more than {most}")]
pub struct FrameError {
    /// What its head says.
    pub length: usize,
    /// What is allowed.
    pub most: usize,
}

impl Frame {
    /// A message.
    pub fn new(kind: Kind, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        Self { kind, body }
    }

    /// Takes the next whole frame from `input`; none while it is not all there.
    ///
    /// # Errors
    /// Its body would be longer than `most`. Nothing behind it can be read.
    pub fn read(input: &mut BytesMut, most: usize) -> Result<Option<Self>, FrameError> {
        let Some((head, _)) = input.split_first_chunk::<HEAD>() else {
            return Ok(None);
        };
        let length = usize::from(u16::from_le_bytes([head[0], head[1]]));
        let kind = Kind(u16::from_le_bytes([head[2], head[3]]));
        if length > most {
            return Err(FrameError { length, most });
        }
        if input.len() < HEAD + length {
            return Ok(None);
        }
        input.advance(HEAD);
        let body = input.split_to(length).freeze();
        Ok(Some(Self { kind, body }))
    }

    /// Its bytes on the wire.
    pub const fn length(&self) -> usize {
        HEAD + self.body.len()
    }

    /// Appends it to `out`.
    pub fn write(&self, out: &mut BytesMut) {
        frame(out, self.kind, |body| body.extend_from_slice(&self.body));
    }
}

/// Appends a frame whose body `fill` writes; what does not fit into 65,535 bytes is cut off.
pub fn frame(out: &mut BytesMut, kind: Kind, fill: impl FnOnce(&mut BytesMut)) {
    let start = out.len();
    out.put_u16_le(0);
    out.put_u16_le(kind.0);
    fill(out);
    let length = u16::try_from(out.len() - start - HEAD).unwrap_or(u16::MAX);
    out.truncate(start + HEAD + usize::from(length));
    out[start..start + 2].copy_from_slice(&length.to_le_bytes());
}

/// What the whole frames of `bytes` are, in their order.
pub(super) fn kinds(mut bytes: &[u8]) -> impl Iterator<Item = Kind> {
    std::iter::from_fn(move || {
        let (head, rest) = bytes.split_first_chunk::<HEAD>()?;
        let length = usize::from(u16::from_le_bytes([head[0], head[1]]));
        bytes = rest.get(length..)?;
        Some(Kind(u16::from_le_bytes([head[2], head[3]])))
    })
}

/// What a frame is. The numbers are the protocol's; those without a name here are answered as unknown.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kind(pub u16);

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $number:literal;)*) => {
        impl Kind {
            $($(#[$doc])* pub const $name: Self = Self($number);)*

            /// Its name, where it has one.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($number => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }
    };
}

kinds! {
    /// From the server, before the login: why there will be none.
    ERROR = 0;
    /// `nick password port "client" speed [build]`
    LOGIN = 2;
    /// From the server: the login is accepted; an e-mail address.
    LOGIN_ACK = 3;
    /// Asks which version of the client is the newest.
    VERSION = 4;
    /// As [`Self::LOGIN`], with an e-mail address, and the nick is to be registered.
    REGISTER = 6;
    /// Whether a nick is free, before the login.
    CHECK_NICK = 7;
    /// From the server: it is.
    NICK_FREE = 8;
    /// From the server: it is registered.
    NICK_TAKEN = 9;
    /// From the server: no nick can be so.
    NICK_INVALID = 10;
    /// `"file" md5 size bitrate frequency seconds`: shares a file.
    SHARE = 100;
    /// A file, unquoted: no longer shared.
    UNSHARE = 102;
    /// Shares nothing any more.
    UNSHARE_ALL = 110;
    /// The clauses of a search.
    SEARCH = 200;
    /// One file that was found.
    HIT = 201;
    /// No more were.
    SEARCH_END = 202;
    /// `nick "file"`: wants to fetch it.
    DOWNLOAD = 203;
    /// `nick ip port "file" md5 speed`: where to fetch it.
    DOWNLOAD_ACK = 204;
    /// `nick text`: a private message.
    TELL = 205;
    /// `nick "file"`: it cannot be fetched.
    DOWNLOAD_ERROR = 206;
    /// `nick`: tell when this user comes and goes.
    WATCH = 207;
    /// The same, from a list that the client kept.
    WATCH_AGAIN = 208;
    /// `nick speed`: a watched user is here.
    SIGNED_ON = 209;
    /// `nick`: a watched or asked-for user is not here.
    SIGNED_OFF = 210;
    /// `nick [most]`: lists its files.
    BROWSE = 211;
    /// `nick "file" md5 size bitrate frequency seconds`
    BROWSED = 212;
    /// `nick [ip]`: the list ends.
    BROWSE_END = 213;
    /// `users files gigabytes`
    STATS = 214;
    /// `md5 size`: who else has this content; we keep no index of it.
    RESUME = 215;
    /// From the server: nobody more.
    RESUME_END = 217;
    /// A download began.
    DOWNLOADING = 218;
    /// A download ended.
    DOWNLOADED = 219;
    /// An upload began.
    UPLOADING = 220;
    /// An upload ended.
    UPLOADED = 221;
    /// `nick`: is being watched from now on.
    WATCHING = 301;
    /// `nick`: no longer to be watched.
    UNWATCH = 303;
    /// From the server: it is about to close the link.
    DISCONNECTING = 316;
    /// From the server, in words: what went wrong.
    TROUBLE = 404;
    /// `nick "file"`: the same as [`Self::DOWNLOAD`], of a user who cannot be connected to.
    PUSH = 500;
    /// `nick ip port "file" md5 speed`: connect there and send it.
    PUSH_ACK = 501;
    /// `nick`: how fast is its line?
    SPEED = 600;
    /// `nick speed`
    SPEED_IS = 601;
    /// `nick`: who is that?
    WHOIS = 603;
    /// `nick "level" seconds "channels" "status" shared downloads uploads speed "client"`
    WHOIS_IS = 604;
    /// The same of one who is registered and not here.
    WHOWAS_IS = 605;
    /// `nick "file"`: that user wants to fetch it from us.
    UPLOAD = 607;
    /// `nick "file"`: and may.
    UPLOAD_ACK = 608;
    /// `nick "file" limit`: and may not now, too many do.
    QUEUE_LIMIT = 619;
    /// `nick "file" size limit`
    QUEUE_LIMIT_IS = 620;
    /// A line of the message of the day; empty from a client, which asks for it again.
    MOTD = 621;
    /// `nick`: its port cannot be reached.
    PORT_ERROR = 626;
    /// `nick`: wants to list that user's files itself.
    BROWSE_DIRECT = 640;
    /// `nick`: and may; `nick ip port` from the server.
    BROWSE_DIRECT_ACK = 641;
    /// `nick "why"`: and may not.
    BROWSE_DIRECT_ERROR = 642;
    /// A new speed of our line.
    NEW_SPEED = 700;
    /// A new port of ours.
    NEW_PORT = 703;
    /// From the server: somebody else logged in as us.
    GHOST = 748;
    /// Is the server there? It answers the same.
    PING_SERVER = 750;
    /// `nick`: is that user there?
    PING = 751;
    /// `nick`: yes.
    PONG = 752;
    /// `"folder" ("file" md5 size bitrate frequency seconds)*`: shares many.
    SHARE_MANY = 870;
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{name} ({})", self.0),
            None => write!(f, "{}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_comes_out_as_it_went_in_however_it_is_cut() {
        let sent = Frame::new(Kind::SEARCH_END, "");
        let more = Frame::new(Kind::STATS, "3 6 0");
        let mut wire = BytesMut::new();
        sent.write(&mut wire);
        more.write(&mut wire);
        assert_eq!(wire[..], *b"\0\0\xca\0\x05\0\xd6\x003 6 0");
        for cut in 0..wire.len() {
            let mut input = BytesMut::from(&wire[..cut]);
            let mut whole = Vec::new();
            while let Some(frame) = Frame::read(&mut input, MAX_BODY).unwrap() {
                whole.push(frame);
            }
            assert_eq!(whole.len(), usize::from(cut >= 4));
            input.extend_from_slice(&wire[cut..]);
            while let Some(frame) = Frame::read(&mut input, MAX_BODY).unwrap() {
                whole.push(frame);
            }
            assert_eq!(whole, [sent.clone(), more.clone()]);
        }
    }

    #[test]
    fn a_long_frame_is_refused_by_its_head() {
        let mut input = BytesMut::from(&b"\x01\x08\xc8\x00"[..]);
        let error = Frame::read(&mut input, MAX_BODY).unwrap_err();
        assert_eq!((error.length, error.most), (2049, 2048));
    }

    #[test]
    fn what_does_not_fit_is_cut_off() {
        let mut out = BytesMut::new();
        frame(&mut out, Kind::TROUBLE, |body| {
            body.extend_from_slice(&[b'x'; 70_000]);
        });
        assert_eq!(out.len(), HEAD + 65_535);
        assert!(Frame::read(&mut out, 65_535).unwrap().is_some());
    }
}
