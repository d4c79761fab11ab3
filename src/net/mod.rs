//! The tokio driver: one task owns the overlay; links, timers and transfers are tasks around it.

mod servent;
mod settings;
mod status;

pub use servent::{Search, SearchHit, Servent};
pub use settings::Settings;
pub use status::{PeerStatus, Status};
