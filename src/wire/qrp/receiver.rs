//! The receiving end of a neighbour's route table: strict about sequence and sizes, small whatever arrives.

use flate2::{Decompress, FlushDecompress, Status};

use super::{RouteTable, RouteTableMessage};
use crate::wire::WireError;

/// Inflated patch data is looked at in pieces of this size; no more of it is ever in memory.
const WINDOW: usize = 1024;

/// A neighbour's table as it arrives.
#[derive(Debug, Default)]
pub struct Receiver {
    table: Option<RouteTable>,
    complete: bool,
    sequence: Option<Sequence>,
}

/// What all messages of an update have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shape {
    parts: u8,
    deflated: bool,
    bits: u8,
}

/// An update under way.
#[derive(Debug)]
struct Sequence {
    next: u8,
    shape: Shape,
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

    /// How many slots it keeps, complete or not.
    pub fn slots(&self) -> u32 {
        self.table.as_ref().map_or(0, RouteTable::slots)
    }

    /// Takes one message. True when the table is complete and has changed.
    ///
    /// # Errors
    /// [`WireError::BadRouteTable`]: a patch before any reset, out of sequence, unlike the one its sequence began with,
    /// or with more entries than slots; [`WireError::BadDeflate`] for damaged data. The link deserves Bye 413 then. A
    /// sequence that ends before the last slot is taken, as in LimeWire: its missing deltas are zeros.
    pub fn apply(&mut self, message: &RouteTableMessage) -> Result<bool, WireError> {
        match *message {
            RouteTableMessage::Reset { slots, .. } => {
                *self = Self {
                    table: Some(RouteTable::new(slots)),
                    ..Self::default()
                };
                Ok(false)
            }
            RouteTableMessage::Patch {
                part,
                parts,
                deflated,
                bits,
                ref data,
            } => {
                let table = self.table.as_mut().ok_or(WireError::BadRouteTable)?;
                let shape = Shape {
                    parts,
                    deflated,
                    bits,
                };
                let sequence = match &mut self.sequence {
                    None => self.sequence.insert(Sequence::new(shape)),
                    Some(sequence) => sequence,
                };
                if (part, shape) != (sequence.next, sequence.shape) {
                    return Err(WireError::BadRouteTable);
                }
                sequence.take(data, table)?;
                sequence.next = part.wrapping_add(1);
                if part < parts {
                    return Ok(false);
                }
                self.sequence = None;
                self.complete = true;
                Ok(true)
            }
        }
    }
}

impl Sequence {
    fn new(shape: Shape) -> Self {
        let stream = shape.deflated.then(|| Box::new(Decompress::new(true)));
        Self {
            next: 1,
            shape,
            stream,
            slot: 0,
        }
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
        let entries = 8 / u32::from(self.shape.bits);
        let left = u64::from(table.slots() - self.slot);
        // The last byte of a small table may hold entries beyond its end (2 slots of 4 bits are one byte, 1 slot too).
        if packed.len() as u64 > left.div_ceil(u64::from(entries)) {
            return Err(WireError::BadRouteTable);
        }
        for &byte in packed {
            for entry in 0..entries.min(table.slots() - self.slot) {
                let shifted = byte << (entry * u32::from(self.shape.bits));
                match self.shape.bits {
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

    fn patch(part: u8, parts: u8, bits: u8, data: &[u8]) -> RouteTableMessage {
        let data = Bytes::copy_from_slice(data);
        RouteTableMessage::Patch {
            part,
            parts,
            deflated: false,
            bits,
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
        receiver
            .apply(&RouteTableMessage::Reset {
                slots: 64,
                infinity: 7,
            })
            .expect("reset");
        let mut table = RouteTable::new(RouteTableMessage::MAX_SLOTS);
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
        let cases: [&[RouteTableMessage]; 5] = [
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
            &[reset, patch(1, 1, 4, &[0; 5])],
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
