//! Sizes, rates and spans of time, for people.

use std::time::Duration;

use bytesize::ByteSize;

/// `10.3 MiB`.
pub(in crate::ui) fn bytes(count: u64) -> String {
    ByteSize::b(count).display().iec().to_string()
}

/// `10.3 MiB/s`.
pub(in crate::ui) fn rate(bytes_a_second: u64) -> String {
    format!("{}/s", bytes(bytes_a_second))
}

/// `0.4 ms`, `40 ms`, `4.2 s`, `12 s`, `3 min 20 s`, `2 h 5 min`, `4 d 1 h`: two units at most.
pub(in crate::ui) fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0 if span < Duration::from_millis(10) => format!("{:.1} ms", span.as_secs_f64() * 1e3),
        0 => format!("{} ms", span.as_millis()),
        1..10 => format!("{:.1} s", span.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

/// `1 file`, `2 files`, `2 queries`.
pub(in crate::ui) fn counted(count: impl TryInto<u64>, one: &str) -> String {
    let count = count.try_into().unwrap_or(u64::MAX);
    match one.strip_suffix('y') {
        _ if count == 1 => format!("1 {one}"),
        Some(stem) => format!("{count} {stem}ies"),
        None if one.ends_with('h') => format!("{count} {one}es"),
        None => format!("{count} {one}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_not_many() {
        assert_eq!(counted(1_usize, "query"), "1 query");
        assert_eq!(counted(0_u64, "query"), "0 queries");
        assert_eq!(counted(2_usize, "file"), "2 files");
        assert_eq!(counted(2_usize, "search"), "2 searches");
    }

    #[test]
    fn two_units_at_most() {
        let said = |seconds| span(Duration::from_secs(seconds));
        assert_eq!(span(Duration::from_micros(420)), "0.4 ms");
        assert_eq!(span(Duration::from_millis(42)), "42 ms");
        assert_eq!(span(Duration::from_millis(4_200)), "4.2 s");
        assert_eq!(
            [59, 200, 7_500, 349_200].map(said),
            ["59 s", "3 min 20 s", "2 h 5 min", "4 d 1 h"]
        );
        assert_eq!(bytes(0), "0 B");
        assert_eq!(rate(10_800_332), "10.3 MiB/s");
    }
}
