//! The files of a folder, for `--static`.
//!
//! A path is taken apart into plain names before it touches the file system,
//! and what it leads to is used only when it still lies in the folder, with
//! all links followed. Hidden files are not served.

use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::SystemTime;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use thiserror::Error;
use tokio::fs::File;
use tokio::io::{AsyncRead, ReadBuf};

/// How much of a file is read at once.
const CHUNK_BYTES: usize = 32 << 10;

/// A folder whose files are served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files(PathBuf);

/// Why a folder cannot be served.
#[derive(Debug, Error)]
pub enum FilesError {
    /// It cannot be read.
    #[error("cannot serve the files of {}: {cause}", .path.display())]
    Io {
        /// The path asked for.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// It is something else.
    #[error("{} is not a folder; give the folder whose files to serve", .0.display())]
    NotAFolder(PathBuf),
}

impl Files {
    /// The folder at `path`.
    ///
    /// # Errors
    /// Where there is none.
    pub fn new(path: &Path) -> Result<Self, FilesError> {
        let failed = |cause| FilesError::Io {
            path: path.to_owned(),
            cause,
        };
        let folder = path.canonicalize().map_err(failed)?;
        if !folder.is_dir() {
            return Err(FilesError::NotAFolder(path.to_owned()));
        }
        Ok(Self(folder))
    }

    /// The place that a path means, as long as no link leads elsewhere.
    fn place(&self, path: &str) -> Option<PathBuf> {
        let mut place = self.0.clone();
        for name in path.split('/').filter(|name| !name.is_empty()) {
            // A colon names a stream or a drive on Windows, and nothing elsewhere.
            let acts = name.contains(['\\', '\0']) || (cfg!(windows) && name.contains(':'));
            if is_hidden(name) || acts {
                return None;
            }
            place.push(name);
        }
        Some(place)
    }
}

/// Whether a name is of what is not served.
fn is_hidden(name: &str) -> bool {
    name.starts_with('.') && name != ".well-known"
}

impl Files {
    /// Why nothing will be found at `/`, if so.
    pub(crate) fn warning(&self) -> Option<String> {
        let folder = self.0.display();
        match std::fs::read_dir(&self.0) {
            Err(error) => Some(format!("the folder {folder} cannot be read: {error}")),
            Ok(_) if !self.0.join("index.html").is_file() => Some(format!(
                "the folder {folder} has no index.html, so / is not found"
            )),
            Ok(_) => None,
        }
    }

    /// Whether a place with all links followed may be served: it is in the folder, and
    /// no part of its own name is hidden.
    fn contains(&self, place: &Path) -> bool {
        place
            .strip_prefix(&self.0)
            .is_ok_and(|inner| inner.iter().all(|name| !is_hidden(&name.to_string_lossy())))
    }
}

/// What a path leads to.
pub(crate) enum Found {
    File {
        file: File,
        length: u64,
        modified: Option<SystemTime>,
        content_type: &'static str,
    },
    /// A folder, whose address ends with a slash.
    Folder(String),
}

/// Looks for the file that a path means; a folder's is its `index.html`.
pub(crate) async fn find(folder: &Files, path: &str) -> Option<Found> {
    let mut place = tokio::fs::canonicalize(folder.place(path)?).await.ok()?;
    let is_folder = tokio::fs::metadata(&place).await.ok()?.is_dir();
    // A file's address ends with its name.
    if !is_folder && path.ends_with('/') {
        return None;
    }
    if folder.contains(&place) && is_folder {
        let index = tokio::fs::canonicalize(place.join("index.html"))
            .await
            .ok()?;
        if !path.ends_with('/') {
            return Some(Found::Folder(path.to_owned()));
        }
        place = index;
    }
    if !folder.contains(&place) {
        return None;
    }
    // Before it is opened: opening a pipe would wait for its writer.
    if !tokio::fs::metadata(&place).await.ok()?.is_file() {
        return None;
    }
    let file = File::open(&place).await.ok()?;
    let metadata = file.metadata().await.ok()?;
    Some(Found::File {
        file,
        length: metadata.len(),
        modified: metadata.modified().ok(),
        content_type: content_type(&place),
    })
}

/// What browsers are to take a file for.
fn content_type(path: &Path) -> &'static str {
    let extension = path.extension().and_then(|extension| extension.to_str());
    let extension = extension.map(str::to_ascii_lowercase).unwrap_or_default();
    match extension.as_str() {
        "html" | "htm" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "csv" => "text/csv; charset=utf-8",
        "txt" | "md" | "log" => "text/plain; charset=utf-8",
        "xml" => "text/xml; charset=utf-8",
        "map" => "application/json",
        "jsonl" => "application/jsonl",
        "woff" => "font/woff",
        "woff2" => "font/woff2",
        "ttf" => "font/ttf",
        "otf" => "font/otf",
        _ => mime_guess::from_ext(&extension)
            .first_raw()
            .unwrap_or("application/octet-stream"),
    }
}

/// A file on its way, a chunk at a time.
pub(crate) struct FileBody {
    file: File,
    remaining: u64,
    _guard: Arc<dyn Send + Sync>,
}

impl FileBody {
    /// The next `length` bytes of a file; `guard` lives as long as they do.
    pub(crate) fn new(file: File, length: u64, guard: Arc<dyn Send + Sync>) -> Self {
        Self {
            file,
            remaining: length,
            _guard: guard,
        }
    }
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.remaining == 0 {
            return Poll::Ready(None);
        }
        let room = usize::try_from(self.remaining).unwrap_or(usize::MAX);
        let mut chunk = vec![0; room.min(CHUNK_BYTES)];
        let mut buf = ReadBuf::new(&mut chunk);
        ready!(Pin::new(&mut self.file).poll_read(cx, &mut buf))?;
        let length = buf.filled().len();
        if length == 0 {
            // It has become shorter than the head has said.
            return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into())));
        }
        chunk.truncate(length);
        self.remaining -= length as u64;
        Poll::Ready(Some(Ok(Frame::data(chunk.into()))))
    }

    fn is_end_stream(&self) -> bool {
        self.remaining == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.remaining)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn static_paths_stay_in_the_folder() {
        let files = Files(PathBuf::from("/srv"));
        for (path, place) in [
            ("/", Some("/srv")),
            ("/a/b.html", Some("/srv/a/b.html")),
            ("//a", Some("/srv/a")),
            ("/.well-known/x", Some("/srv/.well-known/x")),
            ("/../etc/passwd", None),
            ("/a/../../b", None),
            ("/./a", None),
            ("/.git/config", None),
            ("/a\\..\\b", None),
            ("/a\0b", None),
            ("/a:b", (!cfg!(windows)).then_some("/srv/a:b")),
        ] {
            assert_eq!(files.place(path), place.map(PathBuf::from), "{path}");
        }
    }

    #[test]
    fn static_content_types_by_extension() {
        for (name, expected) in [
            ("a.HTML", "text/html; charset=utf-8"),
            ("a.b.js", "text/javascript; charset=utf-8"),
            ("Makefile", "application/octet-stream"),
            ("a.json", "application/json"),
            ("a.svg", "image/svg+xml"),
            ("a.mp4", "video/mp4"),
            ("a.webm", "video/webm"),
            ("a.mp3", "audio/mpeg"),
            ("a.avif", "image/avif"),
            ("a.woff", "font/woff"),
            ("a.woff2", "font/woff2"),
            ("a.ttf", "font/ttf"),
            ("a.wasm", "application/wasm"),
            ("a.csv", "text/csv; charset=utf-8"),
            ("a.jsonl", "application/jsonl"),
            ("a.webmanifest", "application/manifest+json"),
            ("a.xhtml", "application/xhtml+xml"),
        ] {
            assert_eq!(content_type(Path::new(name)), expected);
        }
    }
}
