//! What a user shares: one file (100, 201, 212), or a folder of them (870).

use bytes::{BufMut, BytesMut};

use super::fields::{Fields, Malformed};

/// A file as its owner tells of it. Only the name and the size mean something to everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shared<'a> {
    /// Name, with whatever folders its owner puts before it.
    pub name: &'a [u8],
    /// A mark of the content; see [`token()`](super::token()).
    pub md5: &'a [u8],
    /// Bytes.
    pub size: u64,
    /// Kilobits a second.
    pub bitrate: u32,
    /// Samples a second.
    pub frequency: u32,
    /// How long it plays.
    pub seconds: u32,
}

impl<'a> Shared<'a> {
    /// The next six fields.
    ///
    /// # Errors
    /// They are not a name, a mark and four numbers.
    pub fn read(fields: &mut Fields<'a>) -> Result<Self, Malformed> {
        let name = fields.text()?;
        Self::named(name, fields)
    }

    fn named(name: &'a [u8], fields: &mut Fields<'a>) -> Result<Self, Malformed> {
        Ok(Self {
            name,
            md5: fields.text()?,
            size: fields.number()?,
            bitrate: fields.number()?,
            frequency: fields.number()?,
            seconds: fields.number()?,
        })
    }

    /// As the wire has it.
    pub fn write(&self, out: &mut BytesMut) {
        quote(out, self.name);
        out.put_u8(b' ');
        out.extend_from_slice(self.md5);
        for number in [
            self.size,
            self.bitrate.into(),
            self.frequency.into(),
            self.seconds.into(),
        ] {
            out.put_u8(b' ');
            decimal(out, number);
        }
    }
}

/// The files of a folder: each under the name it has there, and the folder before it with a `\` between.
///
/// # Errors
/// On the first that is malformed; those before it have been given to `each`.
pub fn batch(body: &[u8], mut each: impl FnMut(Shared<'_>)) -> Result<(), Malformed> {
    let mut fields = Fields::new(body);
    let folder = fields.text()?.trim_ascii();
    let folder = folder.strip_suffix(b"\\").unwrap_or(folder);
    while let Some(base) = fields.maybe()? {
        let name = match folder {
            [] => base.to_vec(),
            _ => [folder, b"\\", base].concat(),
        };
        let file = Shared::named(base, &mut fields)?;
        each(Shared {
            name: &name,
            ..file
        });
    }
    Ok(())
}

/// Appends a field in quotes; one in it becomes an apostrophe, since no quoted field can hold one.
pub(super) fn quote(out: &mut BytesMut, field: &[u8]) {
    out.put_u8(b'"');
    if field.contains(&b'"') {
        out.extend(
            field
                .iter()
                .map(|&byte| if byte == b'"' { b'\'' } else { byte }),
        );
    } else {
        out.extend_from_slice(field);
    }
    out.put_u8(b'"');
}

/// Appends a number.
pub(super) fn decimal(out: &mut BytesMut, mut number: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + u8::try_from(number % 10).expect("a digit");
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_written_as_it_was_read() {
        let body = b"\"generic band - generic song.mp3\" b92870e0d41bc8e698cf2f0a1ddfeac7 443332 128 44100 60";
        let file = Shared::read(&mut Fields::new(body)).unwrap();
        assert_eq!((file.size, file.bitrate, file.seconds), (443_332, 128, 60));
        let mut out = BytesMut::new();
        file.write(&mut out);
        assert_eq!(out, body[..]);
        for number in [0, 9, 10, u64::MAX] {
            let mut out = BytesMut::new();
            decimal(&mut out, number);
            assert_eq!(out, number.to_string().as_bytes());
        }
    }

    #[test]
    fn a_folder_is_read_up_to_what_is_malformed() {
        let mut names = Vec::new();
        let body =
            b"\"C:\\dir\\\" \"one.mp3\" 0 1 2 3 4 \"two.mp3\" 0 1 2 3 4 \"three.mp3\" 0 1 2 x 4";
        let read = batch(body, |file| {
            names.push(String::from_utf8(file.name.to_vec()).unwrap());
        });
        assert_eq!(read, Err(Malformed));
        assert_eq!(names, ["C:\\dir\\one.mp3", "C:\\dir\\two.mp3"]);
    }
}
