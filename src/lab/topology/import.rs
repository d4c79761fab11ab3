//! Graphs from files and to files: edge lists (plain or gzipped), adjacency JSON, GraphML.
//!
//! The one rule: nodes get their numbers in the order in which their names appear, and lists are read line by line, so a file
//! too large is refused before it fills the memory.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use quick_xml::events::Event;

use super::Graph;

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
    let file = BufReader::new(File::open(path)?);
    let is = |end: &str, path: &Path| {
        path.extension()
            .is_some_and(|own| own.eq_ignore_ascii_case(end))
    };
    let (inner, reader): (_, Box<dyn BufRead>) = if is("gz", path) {
        let plain = BufReader::new(MultiGzDecoder::new(file));
        (path.with_extension(""), Box::new(plain))
    } else {
        (path.to_owned(), Box::new(file))
    };
    let names = if is("json", &inner) {
        read_json(reader)?
    } else if is("graphml", &inner) {
        read_graphml(reader)?
    } else {
        read_edges(reader)?
    };
    if names.edges.is_empty() {
        return Err(ImportError::Empty);
    }
    Ok(Graph::new(names.numbers.len(), names.edges))
}

/// Writes an edge list.
///
/// # Errors
/// Those of `out`.
pub fn write_edges(graph: &Graph, out: &mut impl Write) -> io::Result<()> {
    for (a, b) in graph.edges() {
        writeln!(out, "{a} {b}")?;
    }
    Ok(())
}

/// Writes adjacency JSON: each edge at both its ends.
///
/// # Errors
/// Those of `out`.
pub fn write_json(graph: &Graph, out: &mut impl Write) -> io::Result<()> {
    let neighbours = graph.neighbours();
    writeln!(out, "{{")?;
    for node in 0..graph.nodes() as u32 {
        let end = if node as usize + 1 < graph.nodes() {
            ","
        } else {
            ""
        };
        writeln!(out, "  \"{node}\": {:?}{end}", neighbours.of(node))?;
    }
    writeln!(out, "}}")
}

/// Writes GraphML.
///
/// # Errors
/// Those of `out`.
pub fn write_graphml(graph: &Graph, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
    writeln!(
        out,
        r#"<graphml xmlns="http://graphml.graphdrawing.org/xmlns">"#
    )?;
    writeln!(out, r#"  <graph edgedefault="undirected">"#)?;
    for node in 0..graph.nodes() {
        writeln!(out, r#"    <node id="{node}"/>"#)?;
    }
    for (a, b) in graph.edges() {
        writeln!(out, r#"    <edge source="{a}" target="{b}"/>"#)?;
    }
    writeln!(out, "  </graph>\n</graphml>")
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

fn read_json(reader: impl Read) -> Result<Names, ImportError> {
    /// A node's name: a string or a number.
    #[derive(serde::Deserialize)]
    #[serde(untagged)]
    enum Name {
        Text(String),
        Number(i64),
    }
    let lists: serde_json::Map<String, serde_json::Value> = serde_json::from_reader(reader)?;
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
    use super::*;
    use crate::lab::topology::Kind;
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
        let mut forms: Vec<(&str, Vec<u8>)> = vec![
            ("a.txt", Vec::new()),
            ("a.json", Vec::new()),
            ("a.graphml", Vec::new()),
        ];
        write_edges(&graph, &mut forms[0].1).expect("written");
        write_json(&graph, &mut forms[1].1).expect("written");
        write_graphml(&graph, &mut forms[2].1).expect("written");
        for (name, bytes) in forms {
            let (_folder, path) = written(name, &bytes);
            let read = read(&path).expect(name);
            assert_eq!(
                (read.nodes(), read.edges().len()),
                (graph.nodes(), graph.edges().len())
            );
        }
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
