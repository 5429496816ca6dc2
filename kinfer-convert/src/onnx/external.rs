//! Weights beside the model: ONNX's external data, which `onnx.save` and exporters write for large models.
//!
//! A tensor names a file by a path relative to the model's folder, and a range of bytes in it. The file must lie in that
//! folder: a model must not read what it was not sent with.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};

use tract_onnx::pb::tensor_proto::DataLocation;
use tract_onnx::pb::{ModelProto, TensorProto};

use super::GraphError;

/// Bytes that all of them may have.
const MOST_BYTES: u64 = 1 << 30;

/// Reads the external data of a model's initializers into it.
pub(super) fn load(model: &mut ModelProto, path: &Path) -> Result<(), GraphError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut budget = MOST_BYTES;
    let initializers = model.graph.iter_mut().flat_map(|graph| &mut graph.initializer);
    for tensor in initializers.filter(|tensor| is_external(tensor)) {
        tensor.raw_data = read(tensor, folder, &mut budget)?;
        tensor.external_data.clear();
        tensor.data_location = Some(DataLocation::Default as i32);
    }
    Ok(())
}

/// Whether a tensor's data are in another file.
pub(super) fn is_external(tensor: &TensorProto) -> bool {
    tensor.data_location == Some(DataLocation::External as i32) || !tensor.external_data.is_empty()
}

fn read(tensor: &TensorProto, folder: &Path, budget: &mut u64) -> Result<Vec<u8>, GraphError> {
    let refuse =
        |what: String, advice: &str| GraphError::Constant { name: tensor.name.clone(), what, advice: advice.into() };
    let entry =
        |key: &str| tensor.external_data.iter().find(|entry| entry.key == key).map(|entry| entry.value.as_str());
    let number = |key: &str| match entry(key) {
        Some(text) => text.parse::<u64>().map(Some).map_err(|_| {
            refuse(
                format!("the {key} `{text}` of its external data is no number"),
                "the file is damaged: export it again",
            )
        }),
        None => Ok(None),
    };
    let location = entry("location").unwrap_or_default();
    let (offset, length) = (number("offset")?.unwrap_or(0), number("length")?);
    let path = inside(folder, location).map_err(|outside| match outside {
        Some(error) => refuse(
            format!("its data are in `{location}`, which cannot be read: {error}"),
            "put that file beside the model, or save the model with its weights inside",
        ),
        None => refuse(
            format!("its data are in `{location}`, outside the folder of the model"),
            "put that file beside the model and save it again with a relative location",
        ),
    })?;
    let unreadable = |error: std::io::Error| {
        refuse(format!("its data are in `{location}`, which cannot be read: {error}"), "put that file beside the model")
    };
    let mut file = File::open(&path).map_err(unreadable)?;
    let size = file.metadata().map_err(unreadable)?.len();
    let length = length.unwrap_or(size.saturating_sub(offset));
    let end = offset.saturating_add(length);
    if end > size {
        return Err(refuse(
            format!("its data are bytes {offset} to {end} of `{location}`, which has {size}"),
            "the file is cut off: copy it again",
        ));
    }
    *budget = budget.checked_sub(length).ok_or_else(|| {
        refuse("the model's external data are over 1 GiB".into(), "no such model fits in a kernel: make it smaller")
    })?;
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(offset)).map_err(unreadable)?;
    file.take(length).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

/// The file of a location in a folder, links followed; an error without a reason where it is outside.
fn inside(folder: &Path, location: &str) -> Result<PathBuf, Option<std::io::Error>> {
    let relative = Path::new(location);
    let is_plain = relative.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if location.is_empty() || !is_plain {
        return Err(None);
    }
    let folder = folder.canonicalize().map_err(Some)?;
    let path = folder.join(relative).canonicalize().map_err(Some)?;
    if path.starts_with(&folder) && path.is_file() { Ok(path) } else { Err(None) }
}
