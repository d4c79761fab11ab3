//! A world without sockets: a swarm, and sources of every kind.

use crate::swarm::*;

pub(super) const KIB: u64 = 1024;
pub(super) const MIB: u64 = 1024 * KIB;
pub(super) const BLOCK: u64 = 64 * KIB;
pub(super) const PATIENCE: Patience = Patience {
    first_retry: Duration::from_secs(2),
    tries: 5,
    busy_answers: 1000,
};
/// How far the clock moves at a time.
pub(super) const STEP: Duration = Duration::from_millis(10);

/// How a source behaves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Manner {
    Honest,
    /// One block in so many is wrong.
    Liar(u64),
    /// It breaks after so many bytes, and whenever it is called again.
    Dies(u64),
    /// It falls silent after so many bytes; whoever waits breaks off after 30 s.
    Stalls(u64),
    Refuses,
    OtherFile,
    /// It has only the first half, and says so.
    Half,
    Busy,
}

/// A source of the world.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) manner: Manner,
    /// Bytes a second.
    pub(super) rate: u64,
    pub(super) job: Option<ByteRange>,
    /// Bytes it may have sent by now, in millionths.
    pub(super) credit: u64,
    pub(super) sent: u64,
    pub(super) silent: Duration,
    pub(super) waits: Duration,
}

/// A swarm, its sources, and what is on the disk: for every block that is here, who brought how much, and what is wrong.
pub(super) struct World {
    pub(super) swarm: Swarm,
    pub(super) hosts: Vec<Host>,
    pub(super) now: Time,
    pub(super) size: u64,
    pub(super) wrong: Ranges,
    /// Wrong bytes that were sent, and whether there is a tree.
    pub(super) sent_wrong: u64,
    pub(super) tree: bool,
    pub(super) banned: Vec<(SourceId, Crime)>,
    pub(super) bad_blocks: u64,
    pub(super) checks: u32,
}

impl World {
    pub(super) fn new(seed: u64, size: u64, tree: bool, hosts: &[(Manner, u64)]) -> Self {
        let mut world = Self {
            swarm: Swarm::new(PATIENCE, Some(size), Ranges::new(), Rng::seeded(seed)),
            hosts: Vec::new(),
            now: Time::ZERO,
            size,
            wrong: Ranges::new(),
            sent_wrong: 0,
            tree,
            banned: Vec::new(),
            bad_blocks: 0,
            checks: 0,
        };
        for &(manner, rate) in hosts {
            world.join(manner, rate);
        }
        if tree {
            world.tell(Input::Tree {
                block: BLOCK,
                teller: None,
            });
        }
        world
    }

    /// A source is found.
    pub(super) fn join(&mut self, manner: Manner, rate: u64) {
        let id = SourceId(self.hosts.len() as u32);
        self.hosts.push(Host {
            manner,
            rate,
            job: None,
            credit: 0,
            sent: 0,
            silent: Duration::ZERO,
            waits: Duration::ZERO,
        });
        self.tell(Input::Found(id));
    }

    pub(super) fn tell(&mut self, input: Input) {
        let mut todo = vec![input];
        while let Some(input) = todo.pop() {
            let mut effects = Vec::new();
            self.swarm.handle(self.now, input, &mut effects);
            for effect in effects {
                todo.extend(self.perform(effect));
            }
        }
    }

    pub(super) fn perform(&mut self, effect: Effect) -> Option<Input> {
        match effect {
            Effect::Ask { source, range } => {
                let host = &mut self.hosts[source.0 as usize];
                assert!(!range.is_empty() && range.end <= self.size, "{range:?}");
                assert!(host.job.is_none(), "asked twice");
                host.job = Some(range);
                (host.waits, host.silent, host.credit) =
                    (Duration::from_millis(20), Duration::ZERO, 0);
                None
            }
            Effect::Cut(source) => {
                self.hosts[source.0 as usize].job = None;
                None
            }
            Effect::Judge(range) => {
                assert!(self.tree);
                let good = self.wrong.within(range).next().is_none();
                self.bad_blocks += u64::from(!good);
                Some(Input::Judged { range, good })
            }
            Effect::Forget(range) => {
                self.wrong.remove(range);
                None
            }
            Effect::Ban { source, crime } => {
                self.banned.push((source, crime));
                None
            }
            Effect::Pardon(source) => {
                self.banned.retain(|(banned, _)| *banned != source);
                None
            }
            Effect::DropTree => {
                self.tree = false;
                None
            }
            Effect::Check => {
                self.checks += 1;
                let good = self.wrong.is_empty();
                Some(Input::Checked { good })
            }
        }
    }

    /// A step of one host.
    pub(super) fn step(&mut self, number: usize) {
        let source = SourceId(number as u32);
        let host = &mut self.hosts[number];
        let Some(job) = host.job else { return };
        if host.waits > Duration::ZERO {
            host.waits = host.waits.saturating_sub(STEP);
            if host.waits > Duration::ZERO {
                return;
            }
            let how = match host.manner {
                Manner::Refuses => Some(Failure::Refused),
                Manner::OtherFile => Some(Failure::OtherFile),
                Manner::Busy => Some(Failure::Busy(Duration::from_secs(20))),
                Manner::Half if job.end > self.size / 2 => Some(Failure::Missing),
                _ => None,
            };
            if let Some(how) = how {
                host.job = None;
                if host.manner == Manner::Half {
                    let ranges = [ByteRange::new(0, self.size / 2)].into_iter().collect();
                    self.tell(Input::Has { source, ranges });
                }
                return self.tell(Input::Failed { source, how });
            }
            return self.tell(Input::Sending { source, range: job });
        }
        host.credit += host.rate * STEP.as_micros() as u64;
        let mut count = (host.credit / 1_000_000).min(job.len());
        host.credit -= count * 1_000_000;
        if let Manner::Dies(limit) | Manner::Stalls(limit) = host.manner {
            count = count.min(limit.saturating_sub(host.sent));
        }
        if count == 0 && host.credit < 1_000_000 && host.rate > 0 && host.sent == 0 {
            return;
        }
        if count == 0 {
            host.silent += STEP;
            let patience = match host.manner {
                Manner::Dies(_) => Duration::ZERO,
                _ => Duration::from_secs(30),
            };
            if host.silent > patience {
                host.job = None;
                let how = Failure::Broken;
                self.tell(Input::Failed { source, how });
            }
            return;
        }
        host.sent += count;
        host.silent = Duration::ZERO;
        let came = ByteRange::new(job.start, job.start + count);
        let left = ByteRange::new(came.end, job.end);
        host.job = (!left.is_empty()).then_some(left);
        let manner = host.manner;
        let fresh: Vec<ByteRange> = self.swarm.here().lacks(came).collect();
        for range in fresh {
            if let Manner::Liar(every) = manner {
                for at in (range.start..range.end).step_by(KIB as usize) {
                    let block = at / BLOCK;
                    if block.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32 & 0xffff < 0x1_0000 / every {
                        self.sent_wrong += KIB;
                        self.wrong
                            .insert(ByteRange::new(at, (at + KIB).min(range.end)));
                    }
                }
            }
            self.tell(Input::Arrived { source, range });
        }
        if left.is_empty() {
            let paced = true;
            self.tell(Input::Paced { source, paced });
            self.tell(Input::Ended(source));
        }
    }

    /// Lives until the file is whole or nothing more can happen; the time it took.
    pub(super) fn run(&mut self) -> Duration {
        self.live(STEP * 2_000_000);
        self.now.since(Time::ZERO)
    }

    /// The same, or for so long.
    pub(super) fn live(&mut self, time: Duration) {
        let until = self.now + time;
        while self.now < until && !self.swarm.is_complete() && !self.swarm.is_stranded() {
            self.now += STEP;
            for number in 0..self.hosts.len() {
                self.step(number);
            }
            self.tell(Input::Tick);
        }
    }

    pub(super) fn is_right(&self) -> bool {
        self.swarm.is_complete() && self.wrong.is_empty()
    }
}
