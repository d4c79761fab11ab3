//! A wide pipe, by which a file's pages come to a socket.
//!
//! The one rule: what lies in it counts only once the socket took it. `sendfile` does the same with a pipe of the kernel's
//! own, of 16 pages: for every 64 KiB the socket is locked, pushed and unlocked, and hears meanwhile of what the other side
//! acknowledged. A mebibyte at a time takes an eighth less of the processor (`benches/serving.rs`).

use std::fs::File;
use std::net::TcpStream;
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::pipe::{PipeFlags, SpliceFlags, fcntl_setpipe_size, pipe_with, splice};

/// As wide as anybody may make one (`/proc/sys/fs/pipe-max-size`), until all his pipes hold 64 MiB.
const WIDTH: usize = 1024 * 1024;

/// A pipe of a mebibyte.
pub(super) struct Pipe {
    out: OwnedFd,
    into: OwnedFd,
}

impl Pipe {
    /// Lays one.
    ///
    /// # Errors
    /// There are too many open files, or pipes so wide.
    pub(super) fn new() -> Result<Self, Errno> {
        let (out, into) = pipe_with(PipeFlags::CLOEXEC)?;
        fcntl_setpipe_size(&into, WIDTH)?;
        Ok(Self { out, into })
    }

    /// Lets bytes of a file from `at` on through to a socket, waiting for room as long as its write timeout says, and moves
    /// `at` on by what it took. How many bytes were read, as many as there are and `most` or a mebibyte at most, and how many of them the
    /// socket took: if not all, the rest is still in the pipe, which is of no more use.
    ///
    /// # Errors
    /// Those of file and socket.
    pub(super) fn carry(
        &self,
        file: &File,
        socket: &TcpStream,
        at: &mut u64,
        most: usize,
    ) -> Result<[usize; 2], Errno> {
        let mut from = *at;
        let flags = SpliceFlags::empty();
        let read = splice(
            file,
            Some(&mut from),
            &self.into,
            None,
            most.min(WIDTH),
            flags,
        )?;
        let mut taken = 0;
        while taken < read {
            match splice(&self.out, None, socket, None, read - taken, flags) {
                Ok(0) | Err(Errno::AGAIN) => break,
                Ok(count) => {
                    taken += count;
                    *at += count as u64;
                }
                Err(Errno::INTR) => {}
                Err(error) => return Err(error),
            }
        }
        Ok([read, taken])
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{Ipv4Addr, TcpListener};
    use std::time::Duration;

    use socket2::SockRef;

    use super::*;

    #[test]
    fn what_the_socket_took_is_what_counts() {
        let bytes: Vec<u8> = (0..3_000_000_u32).map(|at| (at % 251) as u8).collect();
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(&bytes).expect("written");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let sender = TcpStream::connect(listener.local_addr().expect("it has one"));
        let (sender, (mut reader, _)) = (
            sender.expect("it listens"),
            listener.accept().expect("it came"),
        );
        // Nobody reads yet: the socket takes some of it only, and says so after a while.
        let small = SockRef::from(&sender).set_send_buffer_size(64 * 1024);
        small.expect("a socket");
        let small = SockRef::from(&reader).set_recv_buffer_size(64 * 1024);
        small.expect("a socket");
        let soon = Duration::from_millis(20);
        sender.set_write_timeout(Some(soon)).expect("a socket");
        let mut at = 7;
        while Pipe::new()
            .and_then(|pipe| pipe.carry(&file, &sender, &mut at, usize::MAX))
            .is_ok_and(|[read, taken]| read > 0 && taken == read)
        {}
        let length = usize::try_from(at - 7).expect("small");
        assert!(length > 0 && length < bytes.len());
        let mut came = vec![0; length];
        reader.read_exact(&mut came).expect("it was sent");
        assert!(came == bytes[7..7 + length]);
        let (mut end, pipe) = (bytes.len() as u64, Pipe::new().expect("there are few"));
        assert_eq!(pipe.carry(&file, &sender, &mut end, 1), Ok([0, 0]));
    }
}
