//! Figures as experiments write them: rounded, short, and as a sheet for spreadsheets.

use serde::Serialize;
use serde_json::Value;

/// Rows as CSV (RFC 4180): a column for each field that is a single figure in any of them.
pub(super) fn sheet<T: Serialize>(rows: &[T]) -> String {
    let rows = rows
        .iter()
        .filter_map(|row| match serde_json::to_value(row) {
            Ok(Value::Object(fields)) => Some(fields),
            _ => None,
        });
    let rows: Vec<_> = rows.collect();
    let mut columns: Vec<&str> = Vec::new();
    for (name, value) in rows.iter().flatten() {
        if !value.is_array() && !value.is_object() && !columns.contains(&name.as_str()) {
            columns.push(name);
        }
    }
    let cells = rows.iter().map(|row| {
        let cells = columns.iter().map(|name| row.get(*name).map(cell));
        cells
            .map(Option::unwrap_or_default)
            .collect::<Vec<_>>()
            .join(",")
    });
    let mut lines = vec![columns.join(",")];
    lines.extend(cells);
    lines.join("\n") + "\n"
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => format!("\"{}\"", text.replace('"', "\"\"")),
        other => other.to_string(),
    }
}

/// To six digits behind the point: enough, and the same everywhere.
pub(super) fn rounded(figure: f64) -> f64 {
    (figure * 1e6).round() / 1e6
}

/// As short as a person wants it.
pub(super) fn plain(figure: f64) -> String {
    match figure {
        large if large >= 100.0 => format!("{large:.0}"),
        whole if whole.fract() == 0.0 => format!("{whole:.0}"),
        small => format!("{small:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_sheet_has_as_many_cells_in_every_row() {
        let rows = [
            json!({"name": "a \"b\", c", "list": [1], "figure": 1.5}),
            json!({"name": "d", "figure": null, "live": true}),
        ];
        assert_eq!(
            sheet(&rows),
            "name,figure,live\n\"a \"\"b\"\", c\",1.5,\n\"d\",,true\n"
        );
    }
}
