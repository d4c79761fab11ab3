//! Tables whose rows are all known: peers, downloads, uploads, the library.

use comfy_table::{ContentArrangement, Table, presets};

use crate::ui::clean::clean;

/// The lines of a table, wrapped to `width` where there is one. Every cell is cleaned.
pub(in crate::ui) fn table<const N: usize>(
    header: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
    width: Option<usize>,
) -> Vec<String> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header);
    match width {
        Some(width) => table
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(u16::try_from(width).unwrap_or(u16::MAX)),
        None => table.set_content_arrangement(ContentArrangement::Disabled),
    };
    for row in rows {
        table.add_row(row.map(|cell| clean(&cell).into_owned()));
    }
    table
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::clean::tests::hostile;
    use unicode_width::UnicodeWidthStr;

    #[test]
    fn cells_are_cleaned_and_wrapped() {
        let rows = hostile(10_000).map(|text| [text, "x".to_owned()]);
        for line in table(["name", "other"], rows, Some(60)) {
            assert_eq!(clean(&line), line);
            assert!(line.width() <= 60, "{line}");
        }
    }
}
