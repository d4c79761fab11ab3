//! Queries and their extension area.

use crate::Check;

/// The groups of this family.
pub(crate) const CHECKS: &[(&str, Check)] = &[];
