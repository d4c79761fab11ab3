//! What cannot be answered without the shared store: searches that our own users do not fill, and frames that name somebody
//! who is not one of ours.
//!
//! The one rule: the frames of one user that concern others are answered in their order. While one waits for the store those
//! behind it wait, too; what a user says of its own files does not.
//!
//! A user of another index is let in as a guest while the frame that names it is dealt with. So all that is said to a user
//! can be said to a guest; what it is sent goes to its own index.

use std::collections::{BTreeMap, VecDeque};

use bytes::{BufMut, Bytes, BytesMut};

use super::files::{Wish, name_of};
use super::session::refuse;
use super::store::{Answer, Found, Guest, Place, Question, QuestionId, Totals, Wanted};
use super::{Effect, Index, Link, Outbox, User, say, send};
use crate::central::fields::{Fields, number as digits};
use crate::central::frame::{Frame, Kind, frame};
use crate::central::search::Search;
use crate::central::share::decimal;
use crate::central::token::number;
use crate::time::Time;

/// The link of a guest. Drivers never come to it.
const GUEST: Link = Link(u32::MAX);

/// Frames of one user that may wait behind a question, 2 KiB each.
const BEHIND: usize = 32;

/// A search for characters that must stand together asks for so many times more files than it needs, for the store does not
/// look at that.
const SPARE: usize = 4;

/// The questions under way.
#[derive(Debug, Default)]
pub(super) struct Asking {
    next: u64,
    questions: BTreeMap<QuestionId, Link>,
    waiting: BTreeMap<Link, Waiting>,
}

/// Somebody who waits for an answer of the store.
#[derive(Debug)]
struct Waiting {
    id: QuestionId,
    what: Doing,
    behind: VecDeque<Frame>,
}

/// What is to go on with the answer.
#[derive(Debug)]
enum Doing {
    /// A search, our own hits of which are sent, and how many more it may have.
    Search(Wish, usize),
    /// A frame that names somebody.
    Frame(Frame),
}

impl Asking {
    /// Nobody waits any more on this link.
    pub(super) fn forget(&mut self, link: Link) {
        if let Some(waiting) = self.waiting.remove(&link) {
            self.questions.remove(&waiting.id);
        }
    }
}

impl Index {
    /// Whether a frame has to wait for the store; if so that is seen to.
    pub(super) fn asks(&mut self, from: Link, message: &Frame, out: &mut impl Outbox) -> bool {
        if self.ledger.is_none() || !(message.kind == Kind::SEARCH || names_somebody(message.kind))
        {
            return false;
        }
        if let Some(waiting) = self.asking.waiting.get_mut(&from) {
            if waiting.behind.len() < BEHIND {
                waiting.behind.push_back(message.clone());
            } else {
                hurry(from, message.kind, out);
            }
            return true;
        }
        if message.kind == Kind::SEARCH {
            return false;
        }
        let mut fields = Fields::new(&message.body);
        let Ok(nick) = fields.text() else {
            return false;
        };
        if self.users.by_nick(nick).is_some() {
            return false;
        }
        let nick = Bytes::from(nick.to_ascii_lowercase());
        let question = match message.kind {
            Kind::BROWSE => {
                let most = fields.maybe().ok().flatten().map(digits);
                let most = most.and_then(Result::ok).unwrap_or(usize::MAX);
                Question::Files { nick, most }
            }
            _ => Question::Who(nick),
        };
        self.ask(from, question, Doing::Frame(message.clone()), out);
        true
    }

    /// Asks the others for what our own users left to be found; false when there is nobody to ask.
    pub(super) fn ask_for_more(
        &mut self,
        from: Link,
        search: &Search,
        wish: Wish,
        left: usize,
        out: &mut impl Outbox,
    ) -> bool {
        let Some(asker) = self.users.get(from) else {
            return false;
        };
        if self.ledger.is_none() || left == 0 {
            return false;
        }
        let most = if wish.is_picky() {
            left.saturating_mul(SPARE)
        } else {
            left
        };
        let question = Question::Search(Wanted {
            terms: wish.wanted(),
            excluded: wish.unwanted(),
            bounds: search.bounds.clone(),
            endings: search
                .class
                .as_deref()
                .map(super::wanted::endings)
                .unwrap_or_default(),
            reachable: asker.port == 0,
            most,
        });
        self.ask(from, question, Doing::Search(wish, left), out);
        true
    }

    fn ask(&mut self, from: Link, question: Question, what: Doing, out: &mut impl Outbox) {
        self.asking.next += 1;
        let id = QuestionId(self.asking.next);
        let behind = VecDeque::new();
        self.asking.questions.insert(id, from);
        self.asking
            .waiting
            .insert(from, Waiting { id, what, behind });
        out.push(Effect::Ask { id, question });
    }

    /// The store answered; none when it could not.
    pub(super) fn on_answered(
        &mut self,
        now: Time,
        id: QuestionId,
        answer: Option<Answer>,
        out: &mut impl Outbox,
    ) {
        if let Some(link) = self.asking.questions.remove(&id)
            && let Some(waiting) = self.asking.waiting.remove(&link)
        {
            self.go_on(now, link, waiting, answer, out);
        }
    }

    pub(super) fn on_store_lost(&mut self, now: Time, out: &mut impl Outbox) {
        self.ledger = None;
        self.others = Totals::default();
        self.asking.questions.clear();
        for (link, waiting) in std::mem::take(&mut self.asking.waiting) {
            self.go_on(now, link, waiting, None, out);
        }
    }

    /// Somebody at another index had these nicks first.
    pub(super) fn on_taken(&mut self, links: &[Link], out: &mut impl Outbox) {
        for link in links {
            let Some(user) = self.users.get(*link) else {
                continue;
            };
            let nick = String::from_utf8_lossy(&user.nick);
            refuse(
                out,
                *link,
                Kind::ERROR,
                &format!("{nick} is already active"),
            );
            self.forget(*link);
        }
    }

    fn go_on(
        &mut self,
        now: Time,
        link: Link,
        waiting: Waiting,
        answer: Option<Answer>,
        out: &mut impl Outbox,
    ) {
        match (waiting.what, answer) {
            (Doing::Search(wish, left), answer) => send(out, link, |bytes| {
                if let Some(Answer::Found(found)) = answer {
                    let fits = |found: &&Found| wish.has_runs(name_of(&found.line));
                    for found in found.iter().filter(fits).take(left) {
                        tell(bytes, found);
                    }
                }
                frame(bytes, Kind::SEARCH_END, |_| {});
            }),
            (Doing::Frame(_), Some(Answer::Files(Some((guest, lines))))) => {
                send(out, link, |bytes| self.list(bytes, &guest, &lines));
            }
            (Doing::Frame(message), Some(Answer::Is(Some(guest)))) => {
                self.with_guest(now, guest, out, |index, out| {
                    index.answer_frame(now, link, &message, out);
                });
            }
            (Doing::Frame(message), _) => self.answer_frame(now, link, &message, out),
        }
        let mut behind = waiting.behind;
        while self.is_user(link)
            && let Some(message) = behind.pop_front()
        {
            self.on_frame(now, link, &message, out);
            if let Some(waiting) = self.asking.waiting.get_mut(&link) {
                waiting.behind = behind;
                return;
            }
        }
    }

    /// Does something while a guest is here.
    fn with_guest<O: Outbox>(
        &mut self,
        now: Time,
        guest: Guest,
        out: &mut O,
        act: impl FnOnce(&mut Self, &mut ToGuest<'_, O>),
    ) {
        let place = guest.place;
        // Somebody may have come here under that name by now.
        let is_free = self.users.by_nick(&guest.nick).is_none();
        if is_free {
            self.users.log_in(GUEST, user(guest, now));
        }
        act(self, &mut ToGuest { out, place });
        if is_free {
            self.users.log_out(GUEST);
        }
    }

    /// The files of a guest, as [`Index::on_browse`] lists those of a user.
    fn list(&self, bytes: &mut BytesMut, guest: &Guest, lines: &[Bytes]) {
        for line in lines {
            if bytes.len() >= self.limits.browse {
                break;
            }
            frame(bytes, Kind::BROWSED, |body| {
                body.extend_from_slice(&guest.nick);
                body.put_u8(b' ');
                body.extend_from_slice(line);
            });
        }
        frame(bytes, Kind::BROWSE_END, |body| {
            body.extend_from_slice(&guest.nick);
            body.put_u8(b' ');
            decimal(body, number(guest.addr).into());
        });
    }
}

/// Sends what a guest is sent to its own index.
struct ToGuest<'a, O> {
    out: &'a mut O,
    place: Place,
}

impl<O: Outbox> Outbox for ToGuest<'_, O> {
    fn push(&mut self, effect: Effect) {
        self.out.push(match effect {
            Effect::Send { to: GUEST, bytes } => Effect::Forward {
                to: self.place,
                bytes,
            },
            other => other,
        });
    }
}

fn user(guest: Guest, now: Time) -> User {
    let mut user = User {
        nick: guest.nick[..].into(),
        client: guest.client[..].into(),
        addr: guest.addr,
        port: guest.port,
        speed: 0,
        tail: Box::default(),
        downloads: 0,
        uploads: 0,
        since: Time::from_micros(
            { now.as_micros() }.saturating_sub(guest.seconds.saturating_mul(1_000_000)),
        ),
        proof: [0; 20],
        files: Vec::new(),
        files_elsewhere: guest.files,
        watches: Vec::new(),
    };
    user.set_speed(guest.speed);
    user
}

/// Whether the first field of such a frame is the nick of somebody else.
const fn names_somebody(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::DOWNLOAD
            | Kind::PUSH
            | Kind::UPLOAD_ACK
            | Kind::QUEUE_LIMIT
            | Kind::BROWSE
            | Kind::BROWSE_DIRECT
            | Kind::BROWSE_DIRECT_ACK
            | Kind::BROWSE_DIRECT_ERROR
            | Kind::PORT_ERROR
            | Kind::PING
            | Kind::PONG
            | Kind::TELL
            | Kind::WHOIS
            | Kind::SPEED
            | Kind::WATCH
            | Kind::WATCH_AGAIN
    )
}

/// Refuses a frame of somebody who has too many waiting.
fn hurry(to: Link, kind: Kind, out: &mut impl Outbox) {
    if kind == Kind::SEARCH {
        say(out, to, Kind::SEARCH_END, "");
    } else {
        say(out, to, Kind::TROUBLE, "You ask faster than others answer.");
    }
}

fn tell(bytes: &mut BytesMut, found: &Found) {
    frame(bytes, Kind::HIT, |body| {
        body.extend_from_slice(&found.line);
        body.put_u8(b' ');
        body.extend_from_slice(&found.nick);
        body.put_u8(b' ');
        decimal(body, number(found.addr).into());
        body.put_u8(b' ');
        decimal(body, found.speed.into());
    });
}
