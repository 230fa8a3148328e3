//! Pictures in every memory layout that a view can describe.

use arbitrary::{Result, Unstructured};
use feature_distillation::{PixelFormat, PixelView};
use ndarray::{Array3, ArrayView3, Axis, Slice};

/// Samples, and how a view of them is made.
#[derive(Debug)]
pub struct Picture {
    width: u32,
    height: u32,
    format: PixelFormat,
    layout: Layout,
    samples: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
enum Layout {
    Packed,
    /// Bytes between the end of a row and the next.
    Padded(u8),
    Planar,
    /// An array of (rows, columns, channels), its axes turned round where asked, of which every so
    /// many rows and columns are taken.
    Rows {
        flip: [bool; 3],
        step: [u8; 2],
    },
    /// As `Rows`, of (channels, rows, columns).
    Channels {
        flip: [bool; 3],
        step: [u8; 2],
    },
}

impl Picture {
    /// A picture with sides up to `side`; samples that the input does not have are a ramp.
    pub fn draw(u: &mut Unstructured<'_>, side: u32, format: PixelFormat) -> Result<Self> {
        let (width, height) = (u.int_in_range(1..=side)?, u.int_in_range(1..=side)?);
        let step = |u: &mut Unstructured<'_>| -> Result<[u8; 2]> {
            Ok([u.int_in_range(1..=3)?, u.int_in_range(1..=3)?])
        };
        let layout = match u.int_in_range(0..=4)? {
            0 => Layout::Packed,
            1 => Layout::Padded(u.arbitrary()?),
            2 => Layout::Planar,
            3 => Layout::Rows {
                flip: u.arbitrary()?,
                step: step(u)?,
            },
            _ => Layout::Channels {
                flip: u.arbitrary()?,
                step: step(u)?,
            },
        };
        let mut picture = Self {
            width,
            height,
            format,
            layout,
            samples: Vec::new(),
        };
        picture.fill(u)?;
        Ok(picture)
    }

    fn fill(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        let (rows, columns) = (self.height as usize, self.width as usize);
        let channels = self.format.channels();
        let length = match self.layout {
            Layout::Packed | Layout::Planar => rows * columns * channels,
            // The last row needs no padding.
            Layout::Padded(gap) => {
                (rows - 1) * (columns * channels + usize::from(gap)) + columns * channels
            }
            Layout::Rows {
                step: [down, right],
                ..
            }
            | Layout::Channels {
                step: [down, right],
                ..
            } => rows * usize::from(down) * columns * usize::from(right) * channels,
        };
        let slope: u8 = u.arbitrary()?;
        let given = length.min(u.len());
        self.samples = u.bytes(given)?.to_vec();
        let mut value: u8 = 0;
        self.samples.resize_with(length, || {
            value = value.wrapping_add(slope);
            value
        });
        Ok(())
    }

    /// Hands a view of the picture to `work`.
    pub fn with_view<T>(&self, work: impl FnOnce(PixelView<'_>) -> T) -> T {
        let (width, height, format) = (self.width, self.height, self.format);
        let (rows, columns, channels) = (height as usize, width as usize, format.channels());
        let view = match self.layout {
            Layout::Packed => PixelView::new(&self.samples, width, height, format),
            Layout::Padded(gap) => {
                let stride = columns * channels + usize::from(gap);
                PixelView::with_row_stride(&self.samples, width, height, format, stride)
            }
            Layout::Planar => PixelView::planar(&self.samples, width, height, format),
            Layout::Rows { flip, step } => {
                let [down, right] = step.map(usize::from);
                let array = self.array([rows * down, columns * right, channels]);
                PixelView::from_hwc(taken(array, flip, [down, right, 1]))
            }
            Layout::Channels { flip, step } => {
                let [down, right] = step.map(usize::from);
                let array = self.array([channels, rows * down, columns * right]);
                PixelView::from_chw(taken(array, flip, [1, down, right]))
            }
        };
        work(view.expect("samples for the layout"))
    }

    /// The same picture as packed rows.
    #[must_use]
    pub fn packed(&self) -> Self {
        let (rows, columns, channels) = (
            self.height as usize,
            self.width as usize,
            self.format.channels(),
        );
        let array: Array3<u8> = match self.layout {
            Layout::Packed => self.array([rows, columns, channels]).to_owned(),
            Layout::Padded(gap) => {
                let stride = columns * channels + usize::from(gap);
                Array3::from_shape_fn((rows, columns, channels), |(y, x, c)| {
                    self.samples[y * stride + x * channels + c]
                })
            }
            Layout::Planar => self
                .array([channels, rows, columns])
                .permuted_axes([1, 2, 0])
                .to_owned(),
            Layout::Rows { flip, step } => {
                let [down, right] = step.map(usize::from);
                let array = self.array([rows * down, columns * right, channels]);
                taken(array, flip, [down, right, 1]).to_owned()
            }
            Layout::Channels { flip, step } => {
                let [down, right] = step.map(usize::from);
                let array = self.array([channels, rows * down, columns * right]);
                taken(array, flip, [1, down, right])
                    .permuted_axes([1, 2, 0])
                    .to_owned()
            }
        };
        Self {
            layout: Layout::Packed,
            // In logical order, whatever the memory order of the copy.
            samples: array.iter().copied().collect(),
            ..*self
        }
    }

    /// The samples in natural order of a packed picture.
    #[must_use]
    pub fn samples(&self) -> &[u8] {
        &self.samples
    }

    fn array(&self, shape: [usize; 3]) -> ArrayView3<'_, u8> {
        ArrayView3::from_shape(shape, &self.samples).expect("as many samples as the layout has")
    }
}

fn taken(mut array: ArrayView3<'_, u8>, flip: [bool; 3], step: [usize; 3]) -> ArrayView3<'_, u8> {
    for (axis, (flip, step)) in flip.into_iter().zip(step).enumerate() {
        if flip {
            array.invert_axis(Axis(axis));
        }
        array.slice_axis_inplace(
            Axis(axis),
            Slice::new(0, None, isize::try_from(step).expect("1 to 3")),
        );
    }
    array
}
