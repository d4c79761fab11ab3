//! Graphs from files: edge lists, adjacency JSON, GraphML, plain or gzipped.
//!
//! The one rule: nodes get their numbers in the order in which their names appear, and a file too large is refused before it
//! fills the memory: a plain one by its size, a packed one as soon as that much has come out of it.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use quick_xml::events::Event;

use super::Graph;
use super::form::{Form, MIB};

/// Why a graph cannot be had from a file.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file cannot be read.
    #[error("{0}")]
    Unreadable(#[from] io::Error),
    /// A line of an edge list holds something else than two names.
    #[error("line {0} is not two node names")]
    NotAnEdge(usize),
    /// Not the JSON of a graph.
    #[error("it is no adjacency JSON: {0}")]
    NotJson(#[from] serde_json::Error),
    /// Not GraphML.
    #[error("it is no GraphML: {0}")]
    NotGraphMl(String),
    /// More bytes than a graph may have in this form, in MiB.
    #[error("it holds more than {0} MiB")]
    TooLong(u64),
    /// More than 50 million edges.
    #[error("it has more than {MOST_EDGES} edges")]
    TooLarge,
    /// No edge at all.
    #[error("it has no edges")]
    Empty,
}

/// Reads a graph, in the form that the name of the file tells: `.json` adjacency (`{"node": ["other", …], …}`),
/// `.graphml`, anything else an edge list: two names a line, between blanks or a comma, `#` or `%` before a remark. A
/// further `.gz` is understood.
///
/// # Errors
/// See [`ImportError`].
pub fn read(path: &Path) -> Result<Graph, ImportError> {
    let (form, packed) = Form::of(path);
    let file = File::open(path)?;
    let most = form.most_bytes();
    if file.metadata()?.len() > most {
        return Err(ImportError::TooLong(most / MIB));
    }
    let mut reader: Box<dyn BufRead> = Box::new(BufReader::new(file));
    if packed {
        reader = Box::new(BufReader::new(MultiGzDecoder::new(reader)));
    }
    // One byte more than there may be tells that there are more.
    let mut reader = reader.take(most + 1);
    let read = match form {
        Form::Edges => read_edges(&mut reader),
        Form::Json => read_json(&mut reader),
        Form::GraphMl => read_graphml(&mut reader),
    };
    if reader.limit() == 0 {
        return Err(ImportError::TooLong(most / MIB));
    }
    let names = read?;
    if names.edges.is_empty() {
        return Err(ImportError::Empty);
    }
    Ok(Graph::new(names.numbers.len(), names.edges))
}

/// Nodes by name, and edges by number.
#[derive(Default)]
struct Names {
    numbers: HashMap<String, u32>,
    edges: Vec<(u32, u32)>,
}

impl Names {
    fn number(&mut self, name: &str) -> u32 {
        let next = self.numbers.len() as u32;
        match self.numbers.get(name) {
            Some(number) => *number,
            None => *self.numbers.entry(name.to_owned()).or_insert(next),
        }
    }

    fn join(&mut self, a: &str, b: &str) -> Result<(), ImportError> {
        if self.edges.len() >= MOST_EDGES {
            return Err(ImportError::TooLarge);
        }
        let edge = (self.number(a), self.number(b));
        self.edges.push(edge);
        Ok(())
    }
}

fn read_edges(mut reader: impl BufRead) -> Result<Names, ImportError> {
    let mut names = Names::default();
    let mut line = String::new();
    for number in 1.. {
        line.clear();
        if (&mut reader)
            .take(LONGEST_LINE)
            .read_line(&mut line)
            .map_err(text_error)?
            == 0
        {
            break;
        }
        let plain = line.split(['#', '%']).next().unwrap_or_default();
        let mut words = plain
            .split([' ', '\t', ',', ';', '\n', '\r'])
            .filter(|word| !word.is_empty());
        match (words.next(), words.next()) {
            (None, _) => {}
            (Some(a), Some(b)) => names.join(a, b)?,
            _ => return Err(ImportError::NotAnEdge(number)),
        }
    }
    Ok(names)
}

fn read_json(mut reader: impl Read) -> Result<Names, ImportError> {
    /// A node's name: a string or a number.
    #[derive(serde::Deserialize)]
    #[serde(untagged)]
    enum Name {
        Text(String),
        Number(i64),
    }
    let mut text = Vec::new();
    reader.read_to_end(&mut text)?;
    let lists: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&text)?;
    let mut names = Names::default();
    for name in lists.keys() {
        names.number(name);
    }
    for (from, list) in lists {
        for to in serde_json::from_value::<Vec<Name>>(list)? {
            match to {
                Name::Text(to) => names.join(&from, &to)?,
                Name::Number(to) => names.join(&from, &to.to_string())?,
            }
        }
    }
    Ok(names)
}

fn read_graphml(reader: impl BufRead) -> Result<Names, ImportError> {
    let wrong = |why: &dyn std::fmt::Display| ImportError::NotGraphMl(why.to_string());
    let mut names = Names::default();
    let mut xml = quick_xml::Reader::from_reader(reader);
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        let event = xml
            .read_event_into(&mut buffer)
            .map_err(|error| wrong(&error))?;
        let (Event::Start(element) | Event::Empty(element)) = event else {
            match event {
                Event::Eof => return Ok(names),
                _ => continue,
            }
        };
        let attribute = |name: &str| {
            let value = element.try_get_attribute(name).ok()??;
            Some(value.value.into_owned())
        };
        match element.local_name().as_ref() {
            "node" => {
                let id = attribute("id").ok_or_else(|| wrong(&"a node without an id"))?;
                names.number(&id);
            }
            "edge" => {
                let ends = attribute("source").zip(attribute("target"));
                let (a, b) = ends.ok_or_else(|| wrong(&"an edge without source and target"))?;
                names.join(&a, &b)?;
            }
            _ => {}
        }
    }
}

/// What is no text is no edge list: told as what it is.
fn text_error(error: io::Error) -> ImportError {
    if error.kind() == io::ErrorKind::InvalidData {
        return ImportError::NotAnEdge(1);
    }
    error.into()
}

/// Edges read from a file: some 400 MB of memory.
const MOST_EDGES: usize = 50_000_000;

/// Two names of half a kilobyte each.
const LONGEST_LINE: u64 = 1_024;

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::lab::topology::{Kind, save};
    use crate::rng::Rng;

    fn written(name: &str, bytes: &[u8]) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("written");
        (folder, path)
    }

    #[test]
    fn what_is_written_is_read_again() {
        let graph = Kind::Random
            .draw(60, 4.0, &mut Rng::seeded(1))
            .expect("possible")
            .giant();
        let folder = tempfile::tempdir().expect("a folder");
        for name in [
            "a.txt",
            "a.txt.gz",
            "a.json",
            "a.json.gz",
            "a.graphml",
            "a.GRAPHML.gz",
        ] {
            let path = folder.path().join(name);
            save(&graph, &path).expect(name);
            let again = read(&path).expect(name);
            assert_eq!(again.nodes(), graph.nodes(), "{name}");
            if name.contains("txt") {
                // An edge list tells of nodes only by their edges, so they get other numbers.
                assert_eq!(degrees(&again), degrees(&graph));
            } else {
                assert_eq!(again, graph, "{name}");
            }
            let packed = std::fs::read(&path)
                .expect("it is there")
                .starts_with(b"\x1f\x8b");
            assert_eq!(packed, name.ends_with("gz"), "{name}");
        }
    }

    fn degrees(graph: &Graph) -> Vec<usize> {
        let neighbours = graph.neighbours();
        let nodes = 0..graph.nodes() as u32;
        let mut degrees: Vec<usize> = nodes.map(|node| neighbours.of(node).len()).collect();
        degrees.sort_unstable();
        degrees
    }

    #[test]
    fn what_is_too_large_is_refused_at_once_and_so_is_a_bomb() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["large.txt", "large.json", "large.graphml"] {
            let path = folder.path().join(name);
            // A hole in the disk: nothing of it is there to be read.
            let file = File::create(&path).expect("made");
            file.set_len(1 << 40).expect("a hole");
            assert!(
                matches!(read(&path), Err(ImportError::TooLong(_))),
                "{name}"
            );
        }
        let most = Form::Json.most_bytes();
        let path = folder.path().join("bomb.json.gz");
        let level = flate2::Compression::fast();
        let mut packer = flate2::write::GzEncoder::new(File::create(&path).expect("made"), level);
        let blanks = vec![b' '; 1 << 20];
        for _ in 0..=most >> 20 {
            packer.write_all(&blanks).expect("packed");
        }
        packer.finish().expect("packed");
        assert!(matches!(read(&path), Err(ImportError::TooLong(_))));
    }

    #[test]
    fn remarks_blanks_commas_and_gzip_are_understood() {
        let list = "# a crawl\n% of a network\n\n1\t2\n2,3\r\n 3 1 0.5\n1 2\n";
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(list.as_bytes()).expect("packed");
        let packed = packed.finish().expect("packed");
        for (name, bytes) in [("a.txt", list.as_bytes()), ("a.txt.gz", &packed)] {
            let (_folder, path) = written(name, bytes);
            assert_eq!(read(&path).expect(name).edges(), [(0, 1), (0, 2), (1, 2)]);
        }
    }

    #[test]
    fn what_is_no_graph_is_said_to_be_none() {
        for (name, bytes) in [
            ("a.txt", &b"1 2\n3\n"[..]),
            ("a.txt", b""),
            ("a.txt", b"\xff\xfe\x00"),
            ("a.txt.gz", b"no gzip"),
            ("a.json", b"[1, 2]"),
            ("a.json", br#"{"a": [[1]]}"#),
            ("a.graphml", b"<graphml><edge source='1'/></graphml>"),
            ("a.graphml", b"<a><b></a>"),
        ] {
            let (_folder, path) = written(name, bytes);
            assert!(read(&path).is_err(), "{name} {bytes:?}");
        }
        assert!(matches!(
            read(Path::new("/nowhere")),
            Err(ImportError::Unreadable(_))
        ));
    }
}
