//! Attributes of Conv and the pools: windows.

use tract_onnx::pb::NodeProto;

use super::super::GraphError;
use super::super::node::{Site, attribute, int};
use crate::kinf::WindowSpec;

/// The window of a node over `spatial` dimensions, one or two. The kernel is that of the weights where there are any.
pub(super) fn window(
    node: &NodeProto,
    site: &Site,
    spatial: &[usize],
    kernel: Option<&[usize]>,
) -> Result<WindowSpec, GraphError> {
    let axes = spatial.len();
    if !matches!(axes, 1 | 2) {
        let what = format!("its input has {axes} dimensions behind the channels, supported are one and two");
        return Err(GraphError::unsupported(site, what));
    }
    let invalid = |what: String| GraphError::node(site, what, "the graph is not valid: export it again");
    let list =
        |name: &str| attribute(node, name).map(|attribute| attribute.ints.clone()).filter(|list| !list.is_empty());
    let sizes = |name: &str, default: usize, wants: usize| match list(name) {
        None => Ok(vec![default; wants]),
        Some(list) if list.len() == wants => list
            .iter()
            .map(|&size| usize::try_from(size).ok().filter(|&size| size <= usize::from(u16::MAX)))
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| invalid(format!("{name} is {list:?}"))),
        Some(list) => Err(invalid(format!("{name} is {list:?} for {axes} dimensions"))),
    };
    let kernel = match (kernel, list("kernel_shape")) {
        (Some(kernel), None) => kernel.to_vec(),
        (weights, Some(_)) => {
            let kernel = sizes("kernel_shape", 1, axes)?;
            if weights.is_some_and(|weights| weights != kernel) {
                return Err(invalid(format!("kernel_shape is {kernel:?}, that of its weights {weights:?}")));
            }
            kernel
        }
        (None, None) => return Err(invalid("it has no kernel_shape".into())),
    };
    let (strides, dilations) = (sizes("strides", 1, axes)?, sizes("dilations", 1, axes)?);
    let pads = sizes("pads", 0, 2 * axes)?;
    if kernel.len() != axes || kernel.iter().chain(&strides).chain(&dilations).any(|&size| size == 0) {
        return Err(invalid(format!(
            "its kernel {kernel:?}, strides {strides:?} or dilations {dilations:?} are not {axes} positive numbers"
        )));
    }
    let auto_pad = attribute(node, "auto_pad").map(|attribute| String::from_utf8_lossy(&attribute.s).into_owned());
    let ceil = int(node, "ceil_mode", 0) != 0;

    let mut window = WindowSpec::valid([1, 1]);
    for axis in 0..axes {
        let (size, kernel, stride, dilation) = (spatial[axis], kernel[axis], strides[axis], dilations[axis]);
        let extent = dilation * (kernel - 1) + 1;
        let (mut before, mut after) = (pads[axis], pads[axis + axes]);
        match auto_pad.as_deref() {
            None | Some("NOTSET" | "") => {}
            Some("VALID") => (before, after) = (0, 0),
            Some(same @ ("SAME_UPPER" | "SAME_LOWER")) => {
                let total = ((size.div_ceil(stride).max(1) - 1) * stride + extent).saturating_sub(size);
                let less = total / 2;
                (before, after) = if same == "SAME_UPPER" { (less, total - less) } else { (total - less, less) };
            }
            Some(other) => return Err(invalid(format!("auto_pad is {other}"))),
        }
        if ceil {
            // A window more, where it does not begin in the padding behind the image.
            let room = (size + before + after).saturating_sub(extent);
            let mut last = room.div_ceil(stride);
            if last * stride >= size + before {
                last = last.saturating_sub(1);
            }
            after = after.max((last * stride + extent).saturating_sub(size + before));
        }
        let at = axis + 2 - axes; // over one dimension the height is 1
        for (field, value) in [
            (&mut window.kernel, kernel),
            (&mut window.stride, stride),
            (&mut window.dilation, dilation),
            (&mut window.before, before),
            (&mut window.after, after),
        ] {
            field[at] =
                u16::try_from(value).map_err(|_| invalid(format!("its window along axis {axis} has {value}")))?;
        }
    }
    Ok(window)
}

/// The window of a pool, which the engine does not dilate.
pub(super) fn pool(node: &NodeProto, site: &Site, spatial: &[usize]) -> Result<WindowSpec, GraphError> {
    let window = window(node, site, spatial, None)?;
    if window.dilation != [1, 1] {
        return Err(GraphError::unsupported(site, "its window is dilated"));
    }
    let far =
        (0..2).any(|axis| window.before[axis] >= window.kernel[axis] || window.after[axis] >= window.kernel[axis]);
    let positions = window.positions(spatial_size(spatial, 0), spatial_size(spatial, 1));
    if far || positions.contains(&0) {
        return Err(GraphError::node(
            site,
            format!(
                "its window {:?} with padding {:?} and {:?} does not fit {spatial:?}",
                window.kernel, window.before, window.after
            ),
            "padding is smaller than the kernel, and the kernel not larger than the padded image",
        ));
    }
    Ok(window)
}

/// The window that is the whole image.
pub(super) fn global(site: &Site, spatial: &[usize]) -> Result<WindowSpec, GraphError> {
    let mut window = WindowSpec::valid([1, 1]);
    for (axis, &size) in spatial.iter().enumerate() {
        let field = window.kernel.get_mut(axis + 2usize.saturating_sub(spatial.len()));
        let size = u16::try_from(size).ok().filter(|&size| size > 0 && spatial.len() <= 2);
        match (field, size) {
            (Some(field), Some(size)) => *field = size,
            _ => return Err(GraphError::unsupported(site, format!("its input has {spatial:?} behind the channels"))),
        }
    }
    Ok(window)
}

fn spatial_size(spatial: &[usize], axis: usize) -> u32 {
    let missing = 2usize.saturating_sub(spatial.len());
    axis.checked_sub(missing).and_then(|axis| spatial.get(axis)).map_or(1, |&size| size as u32)
}
