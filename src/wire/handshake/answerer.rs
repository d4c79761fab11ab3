//! The answering side: reads group 1, says group 2, reads group 3.

use std::net::SocketAddrV4;

use bytes::BytesMut;

use super::greeting::boolean;
use super::group::{Group, GroupReader};
use super::{Agreement, Greeting, Headers, Refusal, Role, Step, address, agreement};
use crate::wire::WireError;

/// What the listening servent has to offer a newcomer at this moment.
#[derive(Clone, Debug, Default)]
pub struct Vacancy {
    /// Free slots for ultrapeers; without one an ultrapeer is refused with 503 and `hosts`, unless it is guided.
    pub free: usize,
    /// Free slots for leaves; without one a leaf is refused in the same way.
    pub leaves: usize,
    /// Whether an ultrapeer for which there is no slot is asked to take one for leaves instead.
    pub guide: bool,
    /// For X-Try-Ultrapeers.
    pub hosts: Vec<SocketAddrV4>,
    /// For crawlers: where our neighbours who are ultrapeers listen...
    pub ultrapeers: Vec<SocketAddrV4>,
    /// ...and our leaves.
    pub leaves_at: Vec<SocketAddrV4>,
}

/// The answering side.
#[derive(Debug)]
pub struct Answerer {
    greeting: Greeting,
    remote: SocketAddrV4,
    vacancy: Vacancy,
    reader: GroupReader,
    /// What the newcomer said in group 1, once we have said group 2 to it.
    newcomer: Option<Headers>,
}

impl Answerer {
    /// Begins.
    pub const fn new(greeting: Greeting, remote: SocketAddrV4, vacancy: Vacancy) -> Self {
        Self {
            greeting,
            remote,
            vacancy,
            reader: GroupReader::new(),
            newcomer: None,
        }
    }

    /// Eats what the peer sent so far, from the front of `input`.
    ///
    /// # Errors
    /// [`WireError::BadHandshake`] when a first line is not what the protocol allows, [`WireError::TooLarge`] above
    /// [`MAX_GROUP`], [`MAX_LINE`] or [`MAX_LINES`].
    ///
    /// [`MAX_GROUP`]: super::MAX_GROUP
    /// [`MAX_LINE`]: super::MAX_LINE
    /// [`MAX_LINES`]: super::MAX_LINES
    pub fn feed(&mut self, input: &mut BytesMut) -> Result<Step, WireError> {
        let Some(group) = self.reader.feed(input)? else {
            return Ok(Step::More);
        };
        match self.newcomer.take() {
            None => self.on_hello(group),
            Some(said) => self.on_last_word(said, group),
        }
    }

    fn on_hello(&mut self, group: Group) -> Result<Step, WireError> {
        match group.request()? {
            (0, 4) => return Ok(self.answer_0_4()),
            version if version < (0, 6) => return Err(WireError::BadHandshake),
            // A later version finds 0.6 in our answer, and takes it or leaves it.
            _ => {}
        }
        let said = group.headers;
        if said.supports("Crawler") {
            return Ok(self.answer_crawler());
        }
        if let Some(refusal) = self.refusal(&said) {
            return Ok(self.refuse(refusal));
        }
        if agreement::role(&said) == Role::Leaf || self.guides(&said) {
            // A deflated link takes 300 KiB (see `deflate`), of leaves there are hundreds, and what passes between us is
            // single queries, of which no compressor makes much, and route tables, which are deflated in themselves.
            self.greeting.deflate = false;
        }
        let answer = self.welcome(&said);
        self.newcomer = Some(said);
        Ok(Step::Say(answer))
    }

    /// 0.4 knows no headers, no refusal and no last word.
    fn answer_0_4(&self) -> Step {
        if self.vacancy.free == 0 {
            return Step::Refused(String::new(), full());
        }
        let agreement = Agreement::of_version_0_4(self.remote);
        Step::Agreed("GNUTELLA OK\n\n".to_owned(), Box::new(agreement))
    }

    /// A crawler wants no slot but to hear who our neighbours are. It is refused with the words that LimeWire uses, so
    /// that it does not take us for a neighbour.
    fn answer_crawler(&self) -> Step {
        let mut headers = self.greeting.names(self.remote);
        let lists = [
            ("Peers", &self.vacancy.ultrapeers),
            ("Leaves", &self.vacancy.leaves_at),
        ];
        for (name, hosts) in lists {
            for line in hosts.chunks(address::IN_A_LINE) {
                headers.push(name, address::list(line));
            }
        }
        let refusal = Refusal::ours(593, "Hi");
        Step::Refused(format!("GNUTELLA/0.6 {refusal}\r\n{headers}\r\n"), refusal)
    }

    fn refusal(&self, said: &Headers) -> Option<Refusal> {
        if self.greeting.role == Role::Leaf {
            return Some(Refusal::ours(503, "Shielded leaf"));
        }
        let role = agreement::role(said);
        let free = match role {
            Role::Leaf => self.vacancy.leaves,
            Role::Ultrapeer if self.guides(said) => self.vacancy.leaves,
            Role::Ultrapeer => self.vacancy.free,
        };
        let objection = self.greeting.objection(said, role);
        objection.or_else(|| (free == 0).then(full))
    }

    /// Whether the newcomer is asked to become our leaf. One that names no tier does not know what that is.
    fn guides(&self, said: &Headers) -> bool {
        let is_ultrapeer = said.lists("X-Ultrapeer", "true");
        is_ultrapeer && self.vacancy.guide && self.vacancy.free == 0
    }

    fn refuse(&mut self, mut refusal: Refusal) -> Step {
        let mut headers = self.greeting.names(self.remote);
        self.name_others(&mut headers);
        let text = format!("GNUTELLA/0.6 {refusal}\r\n{headers}\r\n");
        refusal.hosts = std::mem::take(&mut self.vacancy.hosts);
        Step::Refused(text, refusal)
    }

    fn welcome(&self, said: &Headers) -> String {
        let mut headers = self.greeting.headers(self.remote);
        if said.lists("X-Ultrapeer", "true") {
            headers.push("X-Ultrapeer-Needed", boolean(!self.guides(said)));
        }
        if self.deflates_to(said) {
            // Ours to say here and nowhere else: group 2 is our last.
            headers.push("Content-Encoding", "deflate");
        }
        self.name_others(&mut headers);
        format!("GNUTELLA/0.6 200 OK\r\n{headers}\r\n")
    }

    /// Names hosts to whoever is refused, who needs them, and to whoever is not: it costs nothing and heals networks.
    fn name_others(&self, headers: &mut Headers) {
        if let Some(hosts) = address::named(&self.vacancy.hosts) {
            headers.push("X-Try-Ultrapeers", hosts);
        }
    }

    /// Whether we send deflated to a servent that said this in group 1.
    fn deflates_to(&self, said: &Headers) -> bool {
        self.greeting.deflate && said.lists("Accept-Encoding", "deflate")
    }

    fn on_last_word(&self, mut said: Headers, group: Group) -> Result<Step, WireError> {
        if let Some(refusal) = group.refusal()? {
            return Ok(Step::Refused(String::new(), refusal));
        }
        let deflate_out = self.deflates_to(&said);
        // Of group 3 alone: what group 1 says of encodings was said before the newcomer could know what we read.
        let deflate_in = group.headers.lists("Content-Encoding", "deflate");
        said.amend(group.headers);
        let agreement = Agreement {
            deflate_out,
            deflate_in,
            ..Agreement::read(&said, self.remote, self.greeting.role)
        };
        Ok(Step::Agreed(String::new(), Box::new(agreement)))
    }
}

/// What a newcomer hears when there is no slot.
fn full() -> Refusal {
    Refusal::ours(503, "No free slots")
}
