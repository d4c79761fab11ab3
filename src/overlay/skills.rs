//! What a neighbour says it understands (MessagesSupported), as far as we go by it.
//!
//! The one rule: nobody is sent what he has not said he reads.

use crate::wire::Supported;

/// Each is something it does, or does not.
#[derive(Clone, Copy, Debug)]
pub(super) struct Skills {
    /// It tells how many hits it has when asked (BEAR/11).
    pub(super) status: bool,
    /// It sends only as many queries as we want (BEAR/4).
    pub(super) hops_flow: bool,
    /// It connects to us to see whether that can be done (BEAR/7).
    pub(super) calls_back: bool,
    /// It pings us to see whether that can be done (GTKG/7v2).
    pub(super) pings_back: bool,
    /// It passes pushes on to us (LIME/21).
    pub(super) proxy: bool,
    /// It answers crawlers by UDP (LIME/5).
    pub(super) crawled: bool,
}

impl Skills {
    /// As long as it has not said what it understands.
    pub(super) const NONE: Self = Self {
        status: false,
        hops_flow: false,
        calls_back: false,
        pings_back: false,
        proxy: false,
        crawled: false,
    };

    /// What it says of itself.
    pub(super) fn among(all: &[Supported]) -> Self {
        let has = |vendor: &[u8; 4], selector, version| {
            let same = |one: &Supported| one.vendor == *vendor && one.selector == selector;
            all.iter().any(|one| same(one) && one.version >= version)
        };
        Self {
            status: has(b"BEAR", 11, 1),
            hops_flow: has(b"BEAR", 4, 1),
            calls_back: has(b"BEAR", 7, 1),
            pings_back: has(b"GTKG", 7, 2),
            proxy: has(b"LIME", 21, 1),
            crawled: has(b"LIME", 5, 1),
        }
    }
}
