//! Roles: whether we stand among the ultrapeers or hang on some of them as a leaf, and why.
//!
//! The one rule: who chose a role keeps it, and one that was left to us ([`RoleChoice::Auto`]) changes only while we have
//! no neighbour it could hurt. We begin as an ultrapeer, so servents that find only each other make a flat network.
//! An ultrapeer whose slots for its kind are all taken asks the next one to be its leaf (`X-Ultrapeer-Needed: False`);
//! a servent without neighbours follows. So two tiers form by themselves where one would be too wide. A leaf that stays
//! without any ultrapeer for [`ALONE`] is an ultrapeer again.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::time::Time;
use crate::wire::ByeCode;
use crate::wire::handshake::{Role, Vacancy};

use super::{Introduction, Overlay};

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
}

/// The role and what it rests on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    pub(super) role: Role,
    pub(super) reason: RoleReason,
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
        Self::because(role, reason)
    }

    const fn because(role: Role, reason: RoleReason) -> Self {
        let alone = None;
        Self {
            role,
            reason,
            alone,
        }
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
        }
    }

    pub(super) fn is_leaf(&self) -> bool {
        self.standing.role == Role::Leaf
    }

    /// Takes the role that a handshake gave us, or says why the link cannot be.
    pub(super) fn take_role(&mut self, who: &Introduction) -> Result<(), (ByeCode, &'static str)> {
        let ours = who.agreement.ours;
        if ours == self.standing.role {
            return Ok(());
        }
        if ours == Role::Leaf && self.is_guidable() {
            self.standing = Standing::because(Role::Leaf, RoleReason::Guided);
            return Ok(());
        }
        // The handshake began before the role changed.
        Err((ROLE_CHANGED, "Role changed"))
    }

    /// A leaf that nobody will have is better off as an ultrapeer.
    pub(super) fn reconsider_role(&mut self, now: Time) {
        let alone = self.is_leaf() && self.peers.is_empty();
        if !alone || self.config.role != RoleChoice::Auto {
            self.standing.alone = None;
            return;
        }
        let since = *self.standing.alone.get_or_insert(now);
        if now.since(since) >= ALONE {
            self.standing = Standing::because(Role::Ultrapeer, RoleReason::Unwanted);
        }
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
        })
    }
}

/// How long a leaf waits for an ultrapeer: some rounds of dials, each with its timeouts.
pub(super) const ALONE: Duration = Duration::from_secs(30);

/// Mode change (Bye 0.1 as gtk-gnutella numbers it).
const ROLE_CHANGED: ByeCode = ByeCode(203);
