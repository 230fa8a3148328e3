//! libjpeg as an oracle: builds `libjpeg_shim.c` once a process, loads it, and wraps it safely.
//!
//! Tests and benches share this module. Where no C compiler or no libjpeg is installed,
//! [`Libjpeg::load`] says so on stderr and returns `None`; with the environment variable
//! `FEATURE_DISTILLATION_REQUIRE_ORACLES=1` that is a panic instead.

// Each test binary and bench uses a part of this module.
#![allow(dead_code, unreachable_pub)]
// The C interface counts in `i32`; every value that crosses it is an image side, a count of
// components or a 16-bit interval.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss
)]

pub mod jpegtran;

use std::ffi::{CStr, c_char, c_void};
use std::io::Write;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::ptr;
use std::sync::OnceLock;

use libloading::Library;

const SOURCE: &str = include_str!("libjpeg_shim.c");
const TOO_SMALL: i32 = -2;

/// Name of the environment variable that turns a missing oracle into a failure.
pub const REQUIRE: &str = "FEATURE_DISTILLATION_REQUIRE_ORACLES";

#[repr(C)]
#[derive(Debug, Clone, Copy)]
struct RawComponent {
    id: i32,
    h: i32,
    v: i32,
    blocks_wide: i32,
    blocks_high: i32,
    table: [u16; 64],
}

#[repr(C)]
#[derive(Debug, Clone, Copy)]
struct RawHeader {
    width: i32,
    height: i32,
    precision: i32,
    progressive: i32,
    arithmetic: i32,
    components: i32,
    restart_interval: i32,
    warnings: i32,
    jpeg_color_space: i32,
    component: [RawComponent; 4],
    warning_code: i32,
    warning: [u8; 200],
}

type VersionFn = unsafe extern "C" fn() -> i32;
type LastErrorFn = unsafe extern "C" fn() -> *const c_char;
type ReadFn = unsafe extern "C" fn(*const u8, usize, *mut RawHeader, *mut i16, usize) -> i32;
type DecodeFn = unsafe extern "C" fn(
    *const u8,
    usize,
    i32,
    *mut i32,
    *mut i32,
    *mut i32,
    *mut i32,
    *mut u8,
    usize,
) -> i32;
type EncodeFn = unsafe extern "C" fn(
    *const u8,
    i32,
    i32,
    i32,
    i32,
    *const u8,
    *const u16,
    i32,
    i32,
    i32,
    i32,
    *const Conditioning,
    *mut u8,
    usize,
    *mut usize,
) -> i32;
type OpenFn = unsafe extern "C" fn(*const u8, usize) -> *mut c_void;
type CloseFn = unsafe extern "C" fn(*mut c_void);
type TranscodeFn = unsafe extern "C" fn(
    *mut c_void,
    i32,
    i32,
    i32,
    *const Conditioning,
    *mut u8,
    usize,
    *mut usize,
) -> i32;
type TranscodeScansFn = unsafe extern "C" fn(
    *mut c_void,
    i32,
    i32,
    *const Conditioning,
    *const ScanRecord,
    i32,
    *mut u8,
    usize,
    *mut usize,
) -> i32;

/// The loaded library.
#[derive(Debug)]
pub struct Libjpeg {
    version: VersionFn,
    last_error: LastErrorFn,
    read: ReadFn,
    decode: DecodeFn,
    encode: EncodeFn,
    open: OpenFn,
    close: CloseFn,
    transcode: TranscodeFn,
    transcode_scans: TranscodeScansFn,
    /// Keeps the functions above mapped.
    _library: Library,
}

/// A component as libjpeg reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OracleComponent {
    pub id: u8,
    pub horizontal: u8,
    pub vertical: u8,
    pub blocks_wide: u32,
    pub blocks_high: u32,
    /// Quantization steps in natural order.
    pub table: [u16; 64],
    /// Own-size blocks, row by row, natural order inside; empty where they were not asked for.
    pub coefficients: Vec<i16>,
}

/// What libjpeg's `jpeg_read_coefficients` finds in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OracleImage {
    pub width: u32,
    pub height: u32,
    pub precision: u8,
    pub progressive: bool,
    pub arithmetic: bool,
    pub restart_interval: u16,
    pub warnings: u32,
    pub first_warning: Option<Warning>,
    /// libjpeg's `J_COLOR_SPACE`.
    pub color_space: i32,
    pub components: Vec<OracleComponent>,
}

/// What libjpeg has to say about a file that it reads all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// libjpeg's `J_MESSAGE_CODE`.
    pub code: i32,
    pub message: String,
}

/// Decoded pixels, rows packed: RGB for one and three components, CMYK for four.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pixels {
    pub width: u32,
    pub height: u32,
    pub channels: usize,
    pub warnings: u32,
    pub data: Vec<u8>,
}

/// What libjpeg stores for given input samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Grey = 0,
    RgbAsYcbcr = 1,
    RgbAsRgb = 2,
    CmykAsCmyk = 3,
    CmykAsYcck = 4,
    Unknown = 5,
}

/// How libjpeg entropy-codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Coding {
    pub optimize: bool,
    /// MCUs between restart markers; 0 for none.
    pub restart_interval: u16,
    pub progressive: bool,
    /// Arithmetic coding, conditioned like this, in place of Huffman codes.
    pub arithmetic: Option<Conditioning>,
}

/// Conditioning of the arithmetic coder for the destinations 0 to 3 (T.81 F.1.4.4).
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conditioning {
    /// L, the lower bound of small DC differences.
    pub dc_lower: [u8; 4],
    /// U, their upper bound.
    pub dc_upper: [u8; 4],
    /// Kx, the last zig-zag index of the low bands.
    pub ac: [u8; 4],
}

impl Default for Conditioning {
    fn default() -> Self {
        Self {
            dc_lower: [0; 4],
            dc_upper: [1; 4],
            ac: [5; 4],
        }
    }
}

impl Coding {
    /// The conditioning as the shim takes it: null for Huffman coding.
    fn conditioning(&self) -> *const Conditioning {
        self.arithmetic.as_ref().map_or(ptr::null(), ptr::from_ref)
    }
}

/// libjpeg's `jpeg_scan_info`.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScanRecord {
    pub count: i32,
    pub components: [i32; 4],
    pub start: i32,
    pub end: i32,
    pub high: i32,
    pub low: i32,
}

/// A picture for libjpeg to encode.
#[derive(Debug, Clone, Copy)]
pub struct Picture<'a> {
    /// Packed samples.
    pub samples: &'a [u8],
    pub width: u32,
    pub height: u32,
    pub channels: usize,
    pub mode: Mode,
    /// (horizontal, vertical) for each component.
    pub sampling: &'a [[u8; 2]],
    /// Tables in natural order; component `i` uses table `i` or the last.
    pub tables: &'a [[u16; 64]],
    pub coding: Coding,
}

/// Coefficients held by libjpeg, to be written again and again.
#[derive(Debug)]
pub struct Transcoder<'a> {
    libjpeg: &'a Libjpeg,
    handle: *mut c_void,
    /// libjpeg keeps a pointer to the input.
    input: PhantomData<&'a [u8]>,
}

impl Libjpeg {
    /// The oracle, built and loaded at the first call; `None` where it cannot be.
    ///
    /// # Panics
    ///
    /// If it cannot be and `FEATURE_DISTILLATION_REQUIRE_ORACLES` is 1.
    pub fn load() -> Option<&'static Self> {
        static LIBJPEG: OnceLock<Option<Libjpeg>> = OnceLock::new();
        LIBJPEG
            .get_or_init(
                || match build().and_then(|path| Self::open_library(&path)) {
                    Ok(libjpeg) => Some(libjpeg),
                    Err(reason) => {
                        assert!(!oracles_required(), "{REQUIRE}=1, but libjpeg: {reason}");
                        eprintln!("no live comparison with libjpeg was run: {reason}");
                        None
                    }
                },
            )
            .as_ref()
    }

    /// libjpeg-turbo's version number, major * 1000000 + minor * 1000 + patch.
    pub fn version(&self) -> i32 {
        // SAFETY: takes nothing, returns a constant.
        unsafe { (self.version)() }
    }

    /// Header and quantized coefficients of a file.
    pub fn read_coefficients(&self, data: &[u8]) -> Result<OracleImage, String> {
        let mut coefficients = vec![0_i16; 1 << 16];
        let header = loop {
            let (rc, header) = self.read_raw(data, &mut coefficients);
            match rc {
                0 => break header,
                TOO_SMALL => coefficients.resize(header.coefficient_count(), 0),
                _ => return Err(self.last_error()),
            }
        };
        Ok(header.into_image(Some(&coefficients)))
    }

    /// As [`read_coefficients`](Self::read_coefficients), leaving them inside libjpeg: what its
    /// own callers pay.
    pub fn read_coefficients_only(&self, data: &[u8]) -> Result<OracleImage, String> {
        match self.read_raw(data, &mut []) {
            (0, header) => Ok(header.into_image(None)),
            _ => Err(self.last_error()),
        }
    }

    /// The decoded picture, by the islow inverse transform; `fancy` smooths upsampled chroma.
    pub fn decode(&self, data: &[u8], fancy: bool) -> Result<Pixels, String> {
        let mut pixels = self.decode_raw(data, fancy, None)?;
        let size = pixels.width as usize * pixels.height as usize * pixels.channels;
        let mut samples = vec![0; size];
        pixels = self.decode_raw(data, fancy, Some(&mut samples))?;
        pixels.data = samples;
        Ok(pixels)
    }

    /// As [`decode`](Self::decode), into a buffer; the result's own `data` stays empty.
    pub fn decode_into(
        &self,
        data: &[u8],
        fancy: bool,
        samples: &mut [u8],
    ) -> Result<Pixels, String> {
        self.decode_raw(data, fancy, Some(samples))
    }

    /// Encodes a picture.
    pub fn encode(&self, picture: &Picture<'_>) -> Result<Vec<u8>, String> {
        let Picture {
            samples,
            width,
            height,
            channels,
            mode,
            sampling,
            tables,
            coding,
        } = *picture;
        assert_eq!(samples.len(), width as usize * height as usize * channels);
        assert_eq!(sampling.len(), channels);
        let mut out = Vec::new();
        self.grow_until_it_fits(&mut out, 2 * samples.len(), |bytes, capacity, written| {
            // SAFETY: the lengths were checked above; `bytes` has room for `capacity`.
            unsafe {
                (self.encode)(
                    samples.as_ptr(),
                    width as i32,
                    height as i32,
                    channels as i32,
                    mode as i32,
                    sampling.as_ptr().cast(),
                    tables.as_ptr().cast(),
                    tables.len() as i32,
                    i32::from(coding.optimize),
                    i32::from(coding.restart_interval),
                    i32::from(coding.progressive),
                    coding.conditioning(),
                    bytes,
                    capacity,
                    written,
                )
            }
        })?;
        Ok(out)
    }

    /// Reads a file's coefficients into libjpeg, to be written by [`Transcoder::transcode`].
    pub fn open<'a>(&'a self, data: &'a [u8]) -> Result<Transcoder<'a>, String> {
        // SAFETY: `data` is readable for its length and outlives the handle.
        let handle = unsafe { (self.open)(data.as_ptr(), data.len()) };
        if handle.is_null() {
            return Err(self.last_error());
        }
        Ok(Transcoder {
            libjpeg: self,
            handle,
            input: PhantomData,
        })
    }

    fn open_library(path: &Path) -> Result<Self, String> {
        // SAFETY: the library is the shim built from the source beside this file; the types are
        // those of its functions, and it has no initialisers.
        unsafe {
            let library = Library::new(path).map_err(|error| error.to_string())?;
            macro_rules! function {
                ($name:literal) => {
                    *library.get($name).map_err(|error| error.to_string())?
                };
            }
            Ok(Self {
                version: function!(b"shim_version\0"),
                last_error: function!(b"shim_last_error\0"),
                read: function!(b"shim_read_coefficients\0"),
                decode: function!(b"shim_decode\0"),
                encode: function!(b"shim_encode\0"),
                open: function!(b"shim_open\0"),
                close: function!(b"shim_close\0"),
                transcode: function!(b"shim_transcode\0"),
                transcode_scans: function!(b"shim_transcode_scans\0"),
                _library: library,
            })
        }
    }

    fn last_error(&self) -> String {
        // SAFETY: the text is zero-terminated and belongs to this thread.
        unsafe { CStr::from_ptr((self.last_error)()) }
            .to_string_lossy()
            .into_owned()
    }

    fn read_raw(&self, data: &[u8], out: &mut [i16]) -> (i32, RawHeader) {
        let mut header = RawHeader::EMPTY;
        let target = if out.is_empty() {
            ptr::null_mut()
        } else {
            out.as_mut_ptr()
        };
        // SAFETY: all pointers are valid for the lengths given with them; null asks for no copy.
        let rc = unsafe {
            (self.read)(
                data.as_ptr(),
                data.len(),
                &raw mut header,
                target,
                out.len(),
            )
        };
        (rc, header)
    }

    fn decode_raw(
        &self,
        data: &[u8],
        fancy: bool,
        out: Option<&mut [u8]>,
    ) -> Result<Pixels, String> {
        let (target, capacity) =
            out.map_or((ptr::null_mut(), 0), |out| (out.as_mut_ptr(), out.len()));
        let (mut width, mut height, mut channels, mut warnings) = (0, 0, 0, 0);
        // SAFETY: all pointers are valid for the lengths given with them; null asks for the size.
        let rc = unsafe {
            (self.decode)(
                data.as_ptr(),
                data.len(),
                i32::from(fancy),
                &raw mut width,
                &raw mut height,
                &raw mut channels,
                &raw mut warnings,
                target,
                capacity,
            )
        };
        match rc {
            0 => Ok(Pixels {
                width: width as u32,
                height: height as u32,
                channels: channels as usize,
                warnings: warnings as u32,
                data: Vec::new(),
            }),
            TOO_SMALL => Err(format!("{capacity} bytes cannot hold the picture")),
            _ => Err(self.last_error()),
        }
    }

    /// Calls `write` with ever more room until it no longer asks for more.
    fn grow_until_it_fits(
        &self,
        out: &mut Vec<u8>,
        guess: usize,
        write: impl Fn(*mut u8, usize, *mut usize) -> i32,
    ) -> Result<(), String> {
        out.clear();
        out.reserve(guess.max(4096));
        loop {
            let mut written = 0;
            match write(out.as_mut_ptr(), out.capacity(), &raw mut written) {
                0 => {
                    assert!(written <= out.capacity());
                    // SAFETY: the shim has written that many bytes.
                    unsafe { out.set_len(written) };
                    return Ok(());
                }
                TOO_SMALL => out.reserve(2 * out.capacity()),
                _ => return Err(self.last_error()),
            }
        }
    }
}

impl Transcoder<'_> {
    /// Writes the coefficients as a file; `out` keeps its room from call to call.
    pub fn transcode(&mut self, coding: Coding, out: &mut Vec<u8>) -> Result<(), String> {
        let (handle, capacity) = (self.handle, out.capacity());
        self.libjpeg
            .grow_until_it_fits(out, capacity, |bytes, capacity, written| {
                // SAFETY: the handle is open; `bytes` has room for `capacity`.
                unsafe {
                    (self.libjpeg.transcode)(
                        handle,
                        i32::from(coding.optimize),
                        i32::from(coding.restart_interval),
                        i32::from(coding.progressive),
                        coding.conditioning(),
                        bytes,
                        capacity,
                        written,
                    )
                }
            })
    }
}

impl Transcoder<'_> {
    /// As [`transcode`](Self::transcode), by these scans.
    pub fn transcode_scans(
        &mut self,
        coding: Coding,
        scans: &[ScanRecord],
        out: &mut Vec<u8>,
    ) -> Result<(), String> {
        let (handle, capacity) = (self.handle, out.capacity());
        self.libjpeg
            .grow_until_it_fits(out, capacity, |bytes, capacity, written| {
                // SAFETY: the handle is open; `bytes` has room for `capacity`.
                unsafe {
                    (self.libjpeg.transcode_scans)(
                        handle,
                        i32::from(coding.optimize),
                        i32::from(coding.restart_interval),
                        coding.conditioning(),
                        scans.as_ptr(),
                        scans.len() as i32,
                        bytes,
                        capacity,
                        written,
                    )
                }
            })
    }
}

impl Drop for Transcoder<'_> {
    fn drop(&mut self) {
        // SAFETY: the handle is open and not used again.
        unsafe { (self.libjpeg.close)(self.handle) };
    }
}

impl RawHeader {
    const EMPTY: Self = Self {
        width: 0,
        height: 0,
        precision: 0,
        progressive: 0,
        arithmetic: 0,
        components: 0,
        restart_interval: 0,
        warnings: 0,
        jpeg_color_space: 0,
        component: [RawComponent {
            id: 0,
            h: 0,
            v: 0,
            blocks_wide: 0,
            blocks_high: 0,
            table: [0; 64],
        }; 4],
        warning_code: 0,
        warning: [0; 200],
    };

    fn coefficient_count(&self) -> usize {
        self.component[..self.components as usize]
            .iter()
            .map(RawComponent::coefficient_count)
            .sum()
    }

    fn into_image(self, mut coefficients: Option<&[i16]>) -> OracleImage {
        let components = self.component[..self.components as usize]
            .iter()
            .map(|raw| OracleComponent {
                id: raw.id as u8,
                horizontal: raw.h as u8,
                vertical: raw.v as u8,
                blocks_wide: raw.blocks_wide as u32,
                blocks_high: raw.blocks_high as u32,
                table: raw.table,
                coefficients: coefficients.as_mut().map_or_else(Vec::new, |rest| {
                    let (own, others) = rest.split_at(raw.coefficient_count());
                    *rest = others;
                    own.to_vec()
                }),
            })
            .collect();
        OracleImage {
            width: self.width as u32,
            height: self.height as u32,
            precision: self.precision as u8,
            progressive: self.progressive != 0,
            arithmetic: self.arithmetic != 0,
            restart_interval: self.restart_interval as u16,
            warnings: self.warnings as u32,
            first_warning: (self.warnings > 0).then(|| Warning {
                code: self.warning_code,
                message: CStr::from_bytes_until_nul(&self.warning)
                    .map(|text| text.to_string_lossy().into_owned())
                    .unwrap_or_default(),
            }),
            color_space: self.jpeg_color_space,
            components,
        }
    }
}

impl RawComponent {
    fn coefficient_count(&self) -> usize {
        self.blocks_wide as usize * self.blocks_high as usize * 64
    }
}

/// Whether a missing oracle is a failure.
pub fn oracles_required() -> bool {
    std::env::var_os(REQUIRE).is_some_and(|value| value == "1")
}

/// Compiles the shim; the result's name tells this process from others that compile it too.
fn build() -> Result<PathBuf, String> {
    let folder = option_env!("CARGO_TARGET_TMPDIR").map_or_else(std::env::temp_dir, PathBuf::from);
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    // One library for a version of the source: whoever finishes last replaces an equal file.
    let digest = SOURCE
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    let library = folder.join(format!("libjpeg_shim-{digest:016x}.so"));
    if library.exists() {
        return Ok(library);
    }
    let unfinished = folder.join(format!(
        "libjpeg_shim-{digest:016x}-{}.tmp",
        std::process::id()
    ));
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    let mut child = Command::new(compiler)
        .args(["-O2", "-shared", "-fPIC", "-x", "c", "-", "-o"])
        .arg(&unfinished)
        .arg("-ljpeg")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("no C compiler: {error}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A compiler that stops reading early says why on stderr.
        let _ = stdin.write_all(SOURCE.as_bytes());
    }
    let output = child
        .wait_with_output()
        .map_err(|error| error.to_string())?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        let line = text
            .lines()
            .find(|line| line.contains("error") || line.contains("cannot find"));
        return Err(format!(
            "the shim does not compile: {}",
            line.unwrap_or("no reason given")
        ));
    }
    std::fs::rename(&unfinished, &library).map_err(|error| error.to_string())?;
    Ok(library)
}
