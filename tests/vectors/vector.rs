//! One vector: a JSON object whose `group` says what its other fields mean.

use std::fmt;
use std::fs;
use std::path::Path;

use serde_json::Value;

/// One vector of the file. A field that is missing or of another type panics: the vector then counts as failed.
pub(crate) struct Vector(Value);

impl Vector {
    /// All vectors of `file`, in order.
    pub(crate) fn read_all(file: &Path) -> Vec<Self> {
        let text = fs::read_to_string(file)
            .unwrap_or_else(|error| panic!("cannot read {}: {error}", file.display()));
        let mut json: Value = serde_json::from_str(&text).expect("the file is JSON");
        let Value::Array(vectors) = json["vectors"].take() else {
            panic!("the file has no list named `vectors`");
        };
        vectors.into_iter().map(Self).collect()
    }

    /// The group it belongs to.
    pub(crate) fn group(&self) -> &str {
        self.text("group")
    }

    /// The field as it is; null when there is none.
    pub(crate) fn get(&self, field: &str) -> &Value {
        &self.0[field]
    }

    /// Whether the field is null or missing.
    pub(crate) fn is_null(&self, field: &str) -> bool {
        self.0[field].is_null()
    }

    /// A field that is a string.
    pub(crate) fn text(&self, field: &str) -> &str {
        self.0[field]
            .as_str()
            .unwrap_or_else(|| panic!("`{field}` is no string"))
    }

    /// A field that is a whole number.
    pub(crate) fn number(&self, field: &str) -> u64 {
        self.0[field]
            .as_u64()
            .unwrap_or_else(|| panic!("`{field}` is no number"))
    }

    /// A field that is true or false.
    pub(crate) fn flag(&self, field: &str) -> bool {
        self.0[field]
            .as_bool()
            .unwrap_or_else(|| panic!("`{field}` is neither true nor false"))
    }

    /// A field of bytes, written in hexadecimal.
    pub(crate) fn bytes(&self, field: &str) -> Vec<u8> {
        unhex(self.text(field))
    }
}

impl fmt::Display for Vector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The bytes of a hexadecimal string.
pub(crate) fn unhex(text: &str) -> Vec<u8> {
    data_encoding::HEXLOWER_PERMISSIVE
        .decode(text.as_bytes())
        .unwrap_or_else(|error| panic!("`{text}` is not hexadecimal: {error}"))
}
