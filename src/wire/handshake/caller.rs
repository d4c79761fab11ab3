//! The dialling side: says group 1, reads group 2, says group 3.

use std::net::SocketAddrV4;

use bytes::BytesMut;

use super::greeting::boolean;
use super::group::{Group, GroupReader};
use super::{Agreement, Greeting, Headers, Refusal, Role, Step};
use crate::wire::WireError;

/// The dialling side.
#[derive(Debug)]
pub struct Caller {
    greeting: Greeting,
    remote: SocketAddrV4,
    reader: GroupReader,
}

impl Caller {
    /// Begins; the text is group 1.
    pub fn new(greeting: Greeting, remote: SocketAddrV4) -> (Self, String) {
        let text = format!("GNUTELLA CONNECT/0.6\r\n{}\r\n", greeting.headers(remote));
        let caller = Self {
            greeting,
            remote,
            reader: GroupReader::new(),
        };
        (caller, text)
    }

    /// Eats what the peer sent so far, from the front of `input`.
    ///
    /// # Errors
    /// [`WireError::BadHandshake`] when it is no status line, [`WireError::TooLarge`] above [`MAX_GROUP`],
    /// [`MAX_LINE`] or [`MAX_LINES`].
    ///
    /// [`MAX_GROUP`]: super::MAX_GROUP
    /// [`MAX_LINE`]: super::MAX_LINE
    /// [`MAX_LINES`]: super::MAX_LINES
    pub fn feed(&mut self, input: &mut BytesMut) -> Result<Step, WireError> {
        match self.reader.feed(input)? {
            Some(group) => self.on_answer(&group),
            None => Ok(Step::More),
        }
    }

    fn on_answer(&self, group: &Group) -> Result<Step, WireError> {
        if group.opening.trim_end() == "GNUTELLA OK" {
            // The answer of 0.4 to a hello of 0.6 that it did not understand (gtk-gnutella hangs up, too).
            let refusal = Refusal::ours(406, "The peer speaks Gnutella 0.4 only");
            return Ok(Step::Refused(String::new(), refusal));
        }
        if let Some(refusal) = group.refusal()? {
            return Ok(Step::Refused(String::new(), refusal));
        }
        let mut agreement = Agreement::read(&group.headers, self.remote, self.greeting.role);
        if let Some(refusal) = self.greeting.objection(&group.headers, agreement.role) {
            return Ok(Step::Refused(
                format!("GNUTELLA/0.6 {refusal}\r\n\r\n"),
                refusal,
            ));
        }

        let mut changed = Headers::new();
        // Whoever says nothing to guidance ("be my leaf") stays what it was, and an answerer is to accept that.
        let guided = group.headers.lists("X-Ultrapeer-Needed", "false");
        if guided && self.greeting.guidable && agreement.role == Role::Ultrapeer {
            changed.push("X-Ultrapeer", boolean(false));
            agreement.ours = Role::Leaf;
        }
        agreement.deflate_out =
            self.greeting.deflate && group.headers.lists("Accept-Encoding", "deflate");
        if agreement.deflate_out {
            changed.push("Content-Encoding", "deflate");
        }
        // Read even when we did not offer it: the stream will be deflated all the same.
        agreement.deflate_in = group.headers.lists("Content-Encoding", "deflate");
        Ok(Step::Agreed(
            format!("GNUTELLA/0.6 200 OK\r\n{changed}\r\n"),
            Box::new(agreement),
        ))
    }
}
