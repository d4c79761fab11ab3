//! Routing rules: TTL and hops.

use crate::Check;

/// The groups of this family.
pub const CHECKS: &[(&str, Check)] = &[];
