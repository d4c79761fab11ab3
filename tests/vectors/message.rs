//! Whole messages: header sizes, pings, pongs, byes, pushes, vendor messages, datagrams of host caches.

use crate::Check;

/// The groups of this family.
pub(crate) const CHECKS: &[(&str, Check)] = &[];
