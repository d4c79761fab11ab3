//! Queries and their extension area.

use crate::Check;

/// The groups of this family.
pub const CHECKS: &[(&str, Check)] = &[];
