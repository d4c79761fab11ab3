//! What the servent's owner wants, one short function each where no chapter has it.

use std::net::SocketAddrV4;

use crate::time::Time;
use crate::wire::ByeCode;

use super::datagram::Datagrams;
use super::{Command, Outbox, Overlay, Sharing, Stage};

impl Overlay {
    /// One line for each wish.
    pub(super) fn on_command(&mut self, now: Time, command: Command, out: &mut impl Outbox) {
        match command {
            Command::Start => self.start(now, out),
            Command::Search { guid, query, by } => self.search(now, guid, *query, by, out),
            Command::EndSearch(guid) => self.end_search(now, guid, out),
            Command::Connect(addr) => self.connect(now, addr, out),
            Command::Disconnect(peer) => self.dismiss(now, peer, out),
            Command::Learn(candidates) => self.learn(now, &candidates, out),
            Command::Remember(known) => self.remember(now, &known, out),
            Command::Hear { hosts, teller } => self.hear_of(now, &hosts, teller, out),
            Command::Listening(addr) => self.listen_at(addr),
            Command::Datagrams => self.open_datagrams(now),
            Command::LearnCaches(caches) => self.learn_caches(now, &caches, out),
            Command::Sharing { files, kib } => {
                self.sharing = Sharing {
                    files,
                    kib,
                    ..self.sharing
                }
            }
            Command::Shelf(table) => self.on_shelf(now, *table, out),
            Command::Busy(busy) => self.sharing.busy = busy,
            Command::Push { servent, index } => self.ask_push(now, servent, index, out),
            Command::PassPush { asker, push } => self.pass_push(now, asker, *push, out),
            Command::Leave => self.leave(out),
        }
    }

    fn start(&mut self, now: Time, out: &mut impl Outbox) {
        if self.stage == Stage::Quiet {
            self.stage = Stage::Running;
            self.plan_rounds(now, out);
            self.grow(now, out);
        }
    }

    fn listen_at(&mut self, addr: SocketAddrV4) {
        if self.listening.replace(addr) != Some(addr) {
            self.reachable.forget();
        }
    }

    fn open_datagrams(&mut self, now: Time) {
        let open = || Box::new(Datagrams::new(now, &mut self.rng));
        self.datagrams.get_or_insert_with(open);
    }

    fn leave(&mut self, out: &mut impl Outbox) {
        self.stage = Stage::Left;
        while let Some(peer) = self.peers.as_slice().first() {
            self.hang_up(peer.id, ByeCode::SHUTDOWN, "Servent shutdown", out);
        }
    }
}
