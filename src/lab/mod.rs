//! The laboratory: networks of thousands of servents in virtual time, deterministic to the last descriptor.
//!
//! What runs there is the real [`crate::overlay::Overlay`], node by node; only sockets, clocks and disks are played. A
//! [`topology`] says who is joined with whom, a [`workload`] who shares and asks what, a [`World`] lets it happen, and a
//! [`measure::Summary`] tells what it cost. [`compare`] does so for several ways of searching side by side,
//! and [`centre`] puts the same questions to one server that knows all.
//! Where much happens at once there is a [`network`]: [`churn`] has servents come and go, [`course`] has ever more clients ask at
//! the same time. [`distribute`] is apart: files on their way to many, without the overlay.

pub mod centre;
pub mod churn;
pub mod compare;
pub mod course;
mod digest;
pub mod distribute;
mod ground;
mod introductions;
mod latency;
pub mod measure;
pub mod network;
pub mod replicate;
pub mod topology;
mod wheel;
pub mod workload;
mod world;

pub use ground::Ground;
pub use introductions::FLOOD_TTL;
pub use latency::Latency;
pub use wheel::Wheel;
pub use world::World;
