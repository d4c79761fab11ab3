//! URNs and base32.

use crate::Check;

/// The groups of this family.
pub(crate) const CHECKS: &[(&str, Check)] = &[];
