//! A folder that turns into a link and back while files are asked for.

use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

use rustix::fs::{CWD, RenameFlags, renameat_with};
use servent::transfer::http::Status;

use crate::caller::Caller;
use crate::ends;
use crate::house::House;

/// Requests while the folder is swapped.
const REQUESTS: usize = 1_000;

/// Swaps there are at least. With 10,000 requests and 100,000 swaps it is the same.
const SWAPS: usize = 10_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_that_becomes_a_link_gives_nothing_from_outside() {
    ends(async {
        let house = House::open(10).await;
        let outside = tempfile::tempdir().expect("a folder");
        std::fs::write(outside.path().join("file"), b"secret").expect("written");
        std::fs::create_dir(house.path("place")).expect("made");
        let file = house.share("place/file", b"inside");
        // Of the same size and age, so that nothing but the way there tells them apart.
        let aged = std::fs::File::options()
            .write(true)
            .open(outside.path().join("file"))
            .expect("it is there");
        aged.set_modified(file.modified).expect("it is ours");
        let (place, link) = (house.path("place"), house.path("link"));
        symlink(outside.path(), &link).expect("made");
        let swaps = Arc::new(AtomicUsize::new(0));
        let swapper = Swapper::begin(place, link, swaps.clone());
        let path = format!("/get/{}/{}", file.index, file.name);
        let (mut served, mut refused) = (0, 0);
        while served + refused < REQUESTS
            || swaps.load(Ordering::Relaxed) < SWAPS
            || served.min(refused) == 0
        {
            // Each on a connection of its own: one that goes on keeps the file open.
            let mut caller = Caller::call(house.addr).await;
            caller.get(&path, "").await;
            let (head, body) = caller.answer().await;
            match head.status {
                Status::OK => {
                    assert_eq!(body, b"inside");
                    served += 1;
                }
                status => {
                    assert_eq!(status, Status::NOT_FOUND);
                    refused += 1;
                }
            }
        }
        drop(swapper);
    })
    .await;
}

/// Swaps two names on a thread of its own until it is dropped.
struct Swapper {
    done: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Swapper {
    fn begin(one: PathBuf, other: PathBuf, swaps: Arc<AtomicUsize>) -> Self {
        let done = Arc::new(AtomicBool::new(false));
        let told = done.clone();
        let swap = move || {
            while !told.load(Ordering::Relaxed) {
                renameat_with(CWD, &one, CWD, &other, RenameFlags::EXCHANGE).expect("swapped");
                swaps.fetch_add(1, Ordering::Relaxed);
            }
        };
        let thread = Some(std::thread::spawn(swap));
        Self { done, thread }
    }
}

impl Drop for Swapper {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
