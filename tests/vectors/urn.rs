//! URNs and base32.

use crate::Check;

/// The groups of this family.
pub const CHECKS: &[(&str, Check)] = &[];
