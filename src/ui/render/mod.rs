//! How things look: lines, tables, bars, JSON. Pure: values in, text out.

mod hits;
pub(super) mod json;
mod line;
mod progress;
mod table;
mod units;

pub(super) use hits::{HitColumns, HitRow, shorten};
pub(super) use line::{Line, Style, fold};
pub(super) use progress::bar;
pub(super) use table::table;
pub(super) use units::{bytes, counted, rate, span};
