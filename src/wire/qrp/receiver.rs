//! The receiving end of a neighbour's route table: strict about sequence and sizes, small whatever arrives.

use flate2::{Decompress, FlushDecompress, Status};

use super::{Compressor, RouteTable, RouteTableMessage};
use crate::wire::WireError;

/// The largest table taken, 2^21 slots, 256 KiB (gtk-gnutella's limit).
pub const MAX_SLOTS: u32 = 1 << 21;

/// Inflated patch data is looked at in pieces of this size; no more of it is ever in memory.
const WINDOW: usize = 1024;

/// A neighbour's table as it arrives.
#[derive(Debug, Default)]
pub struct Receiver {
    table: Option<RouteTable>,
    complete: bool,
    sequence: Option<Sequence>,
}

/// An update under way: what its first message fixed, and how far it has come.
#[derive(Debug)]
struct Sequence {
    next: u8,
    count: u8,
    compressor: Compressor,
    entry_bits: u8,
    stream: Option<Box<Decompress>>,
    /// The slot the next delta is for.
    slot: u32,
}

impl Receiver {
    /// No table yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The table, once a first update is complete. Between a RESET and its last PATCH nothing matches (LimeWire's
    /// choice): a half table would let the rest of the network believe the leaf has nothing.
    pub fn table(&self) -> Option<&RouteTable> {
        self.table.as_ref().filter(|_| self.complete)
    }

    /// Takes one message. True when the table is complete and has changed.
    ///
    /// # Errors
    /// [`WireError::BadRouteTable`]: a size that is no power of two or above [`MAX_SLOTS`], infinity 0, a patch before
    /// any reset, out of sequence, with other widths than its sequence began with, or with more entries than slots;
    /// [`WireError::BadDeflate`] for damaged data. The link deserves Bye 413 then. A sequence that ends before the last
    /// slot is taken, as in LimeWire: its missing deltas are zeros.
    pub fn apply(&mut self, message: &RouteTableMessage) -> Result<bool, WireError> {
        match *message {
            RouteTableMessage::Reset { slots, infinity } => self.reset(slots, infinity),
            RouteTableMessage::Patch {
                number,
                count,
                compressor,
                entry_bits,
                ref data,
            } => {
                let table = self.table.as_mut().ok_or(WireError::BadRouteTable)?;
                let began = number == 1 && self.sequence.is_none();
                if began {
                    self.sequence = Some(Sequence::new(count, compressor, entry_bits));
                }
                let sequence = self.sequence.as_mut().ok_or(WireError::BadRouteTable)?;
                if !sequence.continues(number, count, compressor, entry_bits) {
                    return Err(WireError::BadRouteTable);
                }
                sequence.take(data, table)?;
                if number < count {
                    sequence.next += 1;
                    return Ok(false);
                }
                self.sequence = None;
                self.complete = true;
                Ok(true)
            }
        }
    }

    /// A table whose files are none is a RESET alone; matching nothing is right for it too.
    fn reset(&mut self, slots: u32, infinity: u8) -> Result<bool, WireError> {
        if !slots.is_power_of_two() || slots > MAX_SLOTS || infinity == 0 {
            return Err(WireError::BadRouteTable);
        }
        self.table = Some(RouteTable::new(slots));
        self.sequence = None;
        self.complete = false;
        Ok(false)
    }
}

impl Sequence {
    fn new(count: u8, compressor: Compressor, entry_bits: u8) -> Self {
        let stream = (compressor == Compressor::Zlib).then(|| Box::new(Decompress::new(true)));
        Self {
            next: 1,
            count,
            compressor,
            entry_bits,
            stream,
            slot: 0,
        }
    }

    fn continues(&self, number: u8, count: u8, compressor: Compressor, entry_bits: u8) -> bool {
        number == self.next
            && number <= count
            && (self.count, self.compressor, self.entry_bits) == (count, compressor, entry_bits)
    }

    fn take(&mut self, data: &[u8], table: &mut RouteTable) -> Result<(), WireError> {
        let Some(mut stream) = self.stream.take() else {
            return self.deltas(data, table);
        };
        let mut window = [0; WINDOW];
        let mut rest = data;
        loop {
            let (read, written) = (stream.total_in(), stream.total_out());
            let status = stream
                .decompress(rest, &mut window, FlushDecompress::None)
                .map_err(|_| WireError::BadDeflate)?;
            rest = &rest[(stream.total_in() - read) as usize..];
            let produced = (stream.total_out() - written) as usize;
            self.deltas(&window[..produced], table)?;
            // A full window may hide more output; anything less means the input is used up.
            if status == Status::StreamEnd || (produced < WINDOW && rest.is_empty()) {
                break;
            }
            if produced == 0 {
                return Err(WireError::BadDeflate);
            }
        }
        self.stream = Some(stream);
        Ok(())
    }

    /// Applies packed deltas, the high bits of a byte first. Only the sign counts, since its size depends on the
    /// sender's infinity; a one-bit entry flips its slot.
    fn deltas(&mut self, packed: &[u8], table: &mut RouteTable) -> Result<(), WireError> {
        let entries = 8 / u32::from(self.entry_bits);
        let left = u64::from(table.slots() - self.slot);
        // The last byte of a small table may hold entries beyond its end (2 slots of 4 bits are one byte, 1 slot too).
        if packed.len() as u64 > left.div_ceil(u64::from(entries)) {
            return Err(WireError::BadRouteTable);
        }
        for &byte in packed {
            for entry in 0..entries.min(table.slots() - self.slot) {
                let shifted = byte << (entry * u32::from(self.entry_bits));
                match self.entry_bits {
                    1 if shifted & 0x80 != 0 => {
                        let present = table.slot(self.slot);
                        table.set_slot(self.slot, !present);
                    }
                    1 => {}
                    bits => {
                        let delta = (shifted as i8) >> (8 - bits);
                        if delta != 0 {
                            table.set_slot(self.slot, delta < 0);
                        }
                    }
                }
                self.slot += 1;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::update;
    use super::*;
    use crate::rng::Rng;

    fn patch(number: u8, count: u8, entry_bits: u8, data: &[u8]) -> RouteTableMessage {
        let data = Bytes::copy_from_slice(data);
        RouteTableMessage::Patch {
            number,
            count,
            compressor: Compressor::None,
            entry_bits,
            data,
        }
    }

    #[test]
    fn what_update_sends_arrives() {
        let (mut first, mut second) = (RouteTable::new(65_536), RouteTable::new(65_536));
        let mut rng = Rng::seeded(1);
        for _ in 0..10_000 {
            first.set_slot(rng.below(65_536) as u32, true);
            second.set_slot(rng.below(65_536) as u32, true);
        }
        let mut receiver = Receiver::new();
        for (table, known) in [(&first, None), (&second, Some(&first))] {
            let messages = update(table, known);
            assert!(messages.len() > 2, "the data is long enough to be cut");
            for message in &messages {
                receiver.apply(message).expect("our own messages");
            }
            assert_eq!(receiver.table(), Some(table));
        }
    }

    #[test]
    fn nothing_matches_before_the_last_piece() {
        let mut receiver = Receiver::new();
        assert_eq!(
            receiver.apply(&RouteTableMessage::Reset {
                slots: 8,
                infinity: 7
            }),
            Ok(false)
        );
        assert_eq!(receiver.apply(&patch(1, 2, 4, &[0xa0, 0])), Ok(false));
        assert_eq!(receiver.table(), None);
        assert_eq!(receiver.apply(&patch(2, 2, 4, &[0, 0x0a])), Ok(true));
        assert_eq!(
            receiver
                .table()
                .expect("complete")
                .iter()
                .collect::<Vec<_>>(),
            [0, 7]
        );
    }

    #[test]
    fn every_width_of_entry() {
        for (entry_bits, data) in [
            (1, &[0b1000_0001][..]),
            (2, &[0xc0, 0x03]),
            (4, &[0xf0, 0, 0, 0x0f]),
        ] {
            let mut receiver = Receiver::new();
            receiver
                .apply(&RouteTableMessage::Reset {
                    slots: 8,
                    infinity: 2,
                })
                .expect("reset");
            receiver
                .apply(&patch(1, 1, entry_bits, data))
                .expect("patch");
            assert_eq!(
                receiver
                    .table()
                    .expect("complete")
                    .iter()
                    .collect::<Vec<_>>(),
                [0, 7],
                "{entry_bits}"
            );
        }
    }

    #[test]
    fn a_bomb_is_refused_at_once() {
        let mut receiver = Receiver::new();
        let huge = RouteTableMessage::Reset {
            slots: 1 << 31,
            infinity: 7,
        };
        assert_eq!(receiver.apply(&huge), Err(WireError::BadRouteTable));
        receiver
            .apply(&RouteTableMessage::Reset {
                slots: 64,
                infinity: 7,
            })
            .expect("reset");
        let mut table = RouteTable::new(MAX_SLOTS);
        table.insert("x");
        let bomb = &update(&table, None)[1];
        assert_eq!(
            receiver.apply(bomb),
            Err(WireError::BadRouteTable),
            "more entries than slots"
        );
    }

    #[test]
    fn broken_sequences_are_refused() {
        let reset = RouteTableMessage::Reset {
            slots: 8,
            infinity: 7,
        };
        let cases: [&[RouteTableMessage]; 6] = [
            &[patch(1, 1, 4, &[0; 4])],
            &[reset.clone(), patch(2, 2, 4, &[0; 4])],
            &[
                reset.clone(),
                patch(1, 2, 4, &[0; 2]),
                patch(1, 2, 4, &[0; 2]),
            ],
            &[
                reset.clone(),
                patch(1, 2, 4, &[0; 2]),
                patch(2, 2, 8, &[0; 4]),
            ],
            &[reset.clone(), patch(1, 1, 4, &[0; 5])],
            &[reset, patch(1, 0, 4, &[0; 4])],
        ];
        for messages in cases {
            let (last, before) = messages.split_last().expect("one at least");
            let mut receiver = Receiver::new();
            for message in before {
                receiver.apply(message).expect("good so far");
            }
            assert_eq!(
                receiver.apply(last),
                Err(WireError::BadRouteTable),
                "{messages:?}"
            );
        }
    }
}
