//! The exercise with a server: the real index, at a desk where questions wait their turn.

use super::clients::Clients;
use super::point::Work;
use super::{Exercise, Point, System};
use crate::lab::centre::Centre;
use crate::lab::compare::Progress;
use crate::lab::network::{Agenda, Desk};
use crate::lab::workload::Asked;
use crate::time::Time;

/// What happens to a query of a client.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// The client begins to write it.
    Asks,
    /// It is at the server's door.
    Comes,
    /// The server has read it.
    IsRead,
    /// A frame of the answer is at the client's door.
    Answers {
        /// Of the first frame: whether it is a hit.
        first: Option<bool>,
    },
    /// The client has read that there is a hit, or none.
    Knows {
        /// Which of the two.
        found: bool,
    },
}

/// A client, what it asks, and since when.
#[derive(Clone, Copy, Debug)]
struct Question {
    client: u32,
    asked: Asked,
    since: Time,
}

impl Exercise {
    /// What so many clients see who ask a server.
    pub(super) fn ask_server(&self, clients: u32, progress: &Progress) -> Point {
        let workload = self.workload();
        let peers = self.peers as usize;
        let mut centre = Centre::new(peers, self.objects, &workload, self.latency, self.seed);
        let met = centre.load();
        let mut clients = Clients::new(self, &workload, clients, Time::ZERO);
        let mut server = Desk::default();
        let mut desks = vec![Desk::default(); clients.count() as usize];
        let mut agenda = Agenda::default();
        for client in 0..clients.count() {
            ask(client, Time::ZERO, &mut clients, &mut agenda);
        }
        while let Some((now, (question, step))) = agenda.take()
            && !progress.has_ended()
        {
            let Question {
                client,
                asked,
                since,
            } = question;
            let way = self.latency.of(self.seed, asked.by, self.peers);
            let desk = &mut desks[client as usize];
            match step {
                Step::Asks => {
                    let written = desk.take_on(now, self.work);
                    agenda.put(written + way, (question, Step::Comes));
                }
                Step::Comes => {
                    let read = server.take_on(now, self.work);
                    agenda.put(read, (question, Step::IsRead));
                }
                Step::IsRead => {
                    let (measured, owners) = centre.ask(asked);
                    // The hits, if there are any, and a word that these were all.
                    for frame in 0..measured.hits_sent {
                        let written = server.take_on(now, self.work);
                        let first = (frame == 0).then_some(!owners.is_empty());
                        agenda.put(written + way, (question, Step::Answers { first }));
                    }
                }
                Step::Answers { first } => {
                    let read = desk.take_on(now, self.work);
                    if let Some(found) = first {
                        agenda.put(read, (question, Step::Knows { found }));
                    }
                }
                Step::Knows { found } => {
                    let after = found.then(|| now - since);
                    if let Some(asked) = clients.note(client, now, after, progress) {
                        clients.add_least(self.least(System::Index, &workload, asked));
                    }
                    ask(client, now, &mut clients, &mut agenda);
                }
            }
        }
        let load = centre.load() - met;
        let all = load.messages_in() + load.answers;
        let work = Work {
            messages: all,
            busiest: all,
            each: self.work,
            digest: centre.digest(),
        };
        clients.point(System::Index, work)
    }
}

/// Has a client ask what comes next, if anything does.
fn ask(client: u32, since: Time, clients: &mut Clients, agenda: &mut Agenda<(Question, Step)>) {
    if let Some(asked) = clients.ask(client) {
        let question = Question {
            client,
            asked,
            since,
        };
        agenda.put(since, (question, Step::Asks));
    }
}
