//! Roles: whether we stand among the ultrapeers or hang on some of them as a leaf, and why.
//!
//! The one rule: who chose a role keeps it, and one that was left to us ([`RoleChoice::Auto`]) changes only while nobody
//! hangs on us. We begin as an ultrapeer, so servents that find only each other make a flat network.
//!
//! * Down, by guidance: an ultrapeer whose slots for its kind are all taken asks the next one to be its leaf
//!   (`X-Ultrapeer-Needed: False`); a servent without neighbours follows. So two tiers form by themselves where one would be
//!   too wide.
//! * Down, by a wall: an ultrapeer to which nobody can connect is no use as one. If it has found an ultrapeer, and no leaf
//!   hangs on it, it becomes a leaf.
//! * Up, left alone: a leaf without any ultrapeer for [`ALONE`] is an ultrapeer again.
//! * Up, having stood well: a leaf that strangers reach by TCP and by UDP, and that has been there for an hour (as
//!   gtk-gnutella wants it), offers itself again. If there are enough ultrapeers it is guided back, and the next time it
//!   waits twice as long.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;
use std::time::Duration;

use crate::time::Time;
use crate::wire::ByeCode;
use crate::wire::handshake::{Role, Vacancy};

use super::reach::is_believed;
use super::{Introduction, Outbox, Overlay};

/// Which role a servent is to have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RoleChoice {
    /// An ultrapeer, unless there are enough of them.
    #[default]
    Auto,
    /// An ultrapeer, whatever others ask for.
    Ultrapeer,
    /// A leaf.
    Leaf,
}

/// Why we have the role we have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoleReason {
    /// It was chosen for us.
    Chosen,
    /// Nobody has asked for anything else.
    Unguided,
    /// An ultrapeer had enough of its kind and asked for a leaf.
    Guided,
    /// No ultrapeer would have us as its leaf.
    Unwanted,
    /// Nobody can connect to us.
    Walled,
    /// We have been a leaf for long, and strangers reach us.
    Steady,
}

/// The role and what it rests on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    pub(super) role: Role,
    pub(super) reason: RoleReason,
    /// When it was taken.
    since: Time,
    /// How often we have offered ourselves as an ultrapeer and been sent back.
    in_vain: u8,
    /// Since when a leaf has had no ultrapeer.
    alone: Option<Time>,
}

impl Standing {
    pub(super) const fn new(choice: RoleChoice) -> Self {
        let (role, reason) = match choice {
            RoleChoice::Auto => (Role::Ultrapeer, RoleReason::Unguided),
            RoleChoice::Ultrapeer => (Role::Ultrapeer, RoleReason::Chosen),
            RoleChoice::Leaf => (Role::Leaf, RoleReason::Chosen),
        };
        Self {
            role,
            reason,
            since: Time::ZERO,
            in_vain: 0,
            alone: None,
        }
    }

    /// Takes another. Whoever is sent down again after he had offered himself waits twice as long before the next time.
    fn change(&mut self, now: Time, role: Role, reason: RoleReason) {
        let in_vain = self.reason == RoleReason::Steady && reason == RoleReason::Guided;
        *self = Self {
            role,
            reason,
            since: now,
            in_vain: self.in_vain.saturating_add(in_vain.into()),
            alone: None,
        };
    }

    /// How long a leaf waits before it offers itself.
    fn patience(&self) -> Duration {
        let doublings = u32::from(self.in_vain).min(MOST_DOUBLINGS);
        STEADY * (1 << doublings)
    }
}

impl Overlay {
    /// Our role at this moment.
    pub const fn role(&self) -> Role {
        self.standing.role
    }

    /// Why it is that.
    pub const fn role_reason(&self) -> RoleReason {
        self.standing.reason
    }

    /// Whether we become a leaf when an ultrapeer asks us to.
    pub fn is_guidable(&self) -> bool {
        let open = self.config.role == RoleChoice::Auto && !self.is_leaf();
        open && self.peers.is_empty()
    }

    /// Free slots of both kinds, and whom to name to those who are refused (and to those who are not).
    pub fn vacancy(&self, now: Time) -> Vacancy {
        let leaves = self.free_for_leaves();
        Vacancy {
            free: self.free(),
            leaves,
            guide: leaves > 0 && self.peers.ultrapeers() >= self.config.slots,
            hosts: self.recommended(now),
            ..Vacancy::default()
        }
    }

    /// The same for a newcomer from this address, who may be a crawler: nobody is told of addresses that mean nothing
    /// where he stands.
    pub fn vacancy_for(&self, now: Time, newcomer: Ipv4Addr) -> Vacancy {
        let mut vacancy = self.vacancy(now);
        vacancy.hosts.retain(|host| is_believed(*host, newcomer));
        let [ultrapeers, leaves_at] = self.neighbours_for(newcomer);
        Vacancy {
            ultrapeers,
            leaves_at,
            ..vacancy
        }
    }

    pub(super) fn is_leaf(&self) -> bool {
        self.standing.role == Role::Leaf
    }

    /// Takes the role that a handshake gave us, or says why the link cannot be.
    pub(super) fn take_role(
        &mut self,
        now: Time,
        who: &Introduction,
    ) -> Result<(), (ByeCode, &'static str)> {
        let ours = who.agreement.ours;
        if ours == self.standing.role {
            return Ok(());
        }
        if ours == Role::Leaf && self.is_guidable() {
            self.standing.change(now, Role::Leaf, RoleReason::Guided);
            return Ok(());
        }
        // The handshake began before the role changed.
        Err((ROLE_CHANGED, "Role changed"))
    }

    /// Goes up or down where there is a reason, and nobody hangs on us.
    pub(super) fn reconsider_role(&mut self, now: Time, out: &mut impl Outbox) {
        if self.config.role != RoleChoice::Auto {
            return;
        }
        let deserted = self.is_deserted(now);
        let (role, reason) = match self.role() {
            Role::Leaf if deserted => (Role::Ultrapeer, RoleReason::Unwanted),
            Role::Leaf if self.is_steady(now) => (Role::Ultrapeer, RoleReason::Steady),
            Role::Ultrapeer if self.is_walled() => (Role::Leaf, RoleReason::Walled),
            Role::Leaf | Role::Ultrapeer => return,
        };
        self.standing.change(now, role, reason);
        // Each link was agreed on in the old role.
        while let Some(peer) = self.peers.as_slice().first() {
            self.hang_up(peer.id, ROLE_CHANGED, "Role changed", out);
        }
    }

    /// Whether a leaf has long been without any ultrapeer.
    fn is_deserted(&mut self, now: Time) -> bool {
        if !self.is_leaf() || !self.peers.is_empty() {
            self.standing.alone = None;
            return false;
        }
        let since = *self.standing.alone.get_or_insert(now);
        now.since(since) >= ALONE
    }

    /// Whether a leaf may offer itself: it has been there for long, strangers reach it, and it is not searching.
    fn is_steady(&self, now: Time) -> bool {
        let reached = self.reachable.by_tcp() && self.reachable.by_udp();
        let idle = self.config.grow && self.searches.is_empty();
        reached && idle && now.since(self.standing.since) >= self.standing.patience()
    }

    /// Whether an ultrapeer does better as a leaf: nobody can connect to it, it can connect to others, no leaf hangs on it,
    /// and it is not searching.
    fn is_walled(&self) -> bool {
        let walled = self.config.grow && self.reachable.not_by_tcp();
        let free = self.peers.leaves() == 0 && self.searches.is_empty();
        walled && free && self.peers.outgoing() > 0
    }

    /// Slots for leaves; a leaf has none.
    pub(super) fn free_for_leaves(&self) -> usize {
        if self.is_leaf() || self.has_left() {
            return 0;
        }
        self.config.leaves.saturating_sub(self.peers.leaves())
    }
}

impl FromStr for RoleChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "ultrapeer" => Ok(Self::Ultrapeer),
            "leaf" => Ok(Self::Leaf),
            other => Err(format!("a role is auto, ultrapeer or leaf, not `{other}`")),
        }
    }
}

impl fmt::Display for RoleReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Chosen => "as chosen",
            Self::Unguided => "nobody has asked for a leaf",
            Self::Guided => "an ultrapeer had enough of its kind",
            Self::Unwanted => "no ultrapeer would have a leaf",
            Self::Walled => "nobody can connect to it",
            Self::Steady => "it stood well as a leaf, and strangers reach it",
        })
    }
}

/// How long a leaf waits for an ultrapeer: some rounds of dials, each with its timeouts.
pub(super) const ALONE: Duration = Duration::from_secs(30);

/// How long a leaf waits before it offers itself (gtk-gnutella: an hour)...
const STEADY: Duration = Duration::from_secs(3_600);

/// ...and twice as long each time it was sent back, up to two thirds of a day.
const MOST_DOUBLINGS: u32 = 4;

/// Mode change (Bye 0.1 as gtk-gnutella numbers it).
const ROLE_CHANGED: ByeCode = ByeCode(203);
