//! `servent`: a servent of the Gnutella network as a library.
#![allow(missing_docs)]
pub mod librarian;
pub mod library;
pub mod net;
pub mod overlay;
pub mod rng;
pub mod time;
pub mod transfer;
pub mod ui;
pub mod wire;
