/*
 * A small C face over the libjpeg API, used as the oracle of the tests and of
 * the benches. Built at test time:
 *
 *     cc -O2 -shared -fPIC libjpeg_shim.c -o libjpeg_shim.so -ljpeg
 *
 * Every function returns 0, or
 *   -1  libjpeg (or this file) refused; shim_last_error() has the text,
 *   -2  the given buffer is too small.
 * Nothing is ever printed. The error text is kept per thread. A handle from
 * shim_open may be used by one thread at a time.
 */
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

#define OK 0
#define FAILED (-1)
#define TOO_SMALL (-2)

#define MAX_SCANS 1024
#define SPILL 4096

typedef struct {
    int32_t id, h, v, blocks_wide, blocks_high;
    uint16_t table[64]; /* natural order */
} shim_component;

typedef struct {
    int32_t width, height, precision, progressive, arithmetic, components;
    int32_t restart_interval, warnings, jpeg_color_space;
    shim_component component[4];
    int32_t warning_code; /* of the first warning, from jerror.h; 0: none */
    char warning[JMSG_LENGTH_MAX];
} shim_header;

/* ---- errors ------------------------------------------------------------ */

static __thread char last_error[JMSG_LENGTH_MAX];

typedef struct {
    struct jpeg_error_mgr base; /* first: libjpeg hands back a pointer to it */
    jmp_buf jump;
    int full; /* the fixed destination ran out of room */
    int32_t warning_code;
    char warning[JMSG_LENGTH_MAX];
} trap;

static void trap_exit(j_common_ptr info)
{
    trap *t = (trap *)info->err;
    (*info->err->format_message)(info, last_error);
    longjmp(t->jump, 1);
}

static void trap_silence(j_common_ptr info)
{
    (void)info;
}

static void trap_message(j_common_ptr info, int level)
{
    trap *t = (trap *)info->err;
    if (level >= 0) /* a trace, not a warning */
        return;
    if (info->err->num_warnings == 0) {
        t->warning_code = info->err->msg_code;
        (*info->err->format_message)(info, t->warning);
    }
    info->err->num_warnings++;
}

static struct jpeg_error_mgr *trap_init(trap *t)
{
    jpeg_std_error(&t->base);
    t->base.error_exit = trap_exit;
    t->base.emit_message = trap_message;
    t->base.output_message = trap_silence;
    return &t->base;
}

static int32_t fail(const char *text)
{
    snprintf(last_error, sizeof last_error, "%s", text);
    return FAILED;
}

int32_t shim_version(void)
{
    return LIBJPEG_TURBO_VERSION_NUMBER;
}

const char *shim_last_error(void)
{
    return last_error;
}

/* ---- reading ----------------------------------------------------------- */

typedef struct {
    struct jpeg_decompress_struct info;
    trap trap;
    jvirt_barray_ptr *arrays;
} reader;

/* On the heap, so that what libjpeg changes survives a longjmp. */
static reader *reader_new(void)
{
    reader *r = calloc(1, sizeof *r);
    last_error[0] = 0;
    if (r == NULL) {
        fail("out of memory");
        return NULL;
    }
    r->info.err = trap_init(&r->trap);
    return r;
}

static void reader_free(reader *r)
{
    jpeg_destroy_decompress(&r->info);
    free(r);
}

static int32_t ceil_div(int64_t a, int64_t b)
{
    return (int32_t)((a + b - 1) / b);
}

static void fill_table(shim_component *to, const jpeg_component_info *from,
                       const struct jpeg_decompress_struct *info)
{
    const JQUANT_TBL *table = from->quant_table;
    if (table == NULL && from->quant_tbl_no >= 0 &&
        from->quant_tbl_no < NUM_QUANT_TBLS)
        table = info->quant_tbl_ptrs[from->quant_tbl_no];
    if (table != NULL)
        for (int k = 0; k < 64; k++)
            to->table[k] = table->quantval[k];
}

static void fill_warnings(shim_header *header, const trap *t)
{
    header->warnings = (int32_t)t->base.num_warnings;
    header->warning_code = t->warning_code;
    memcpy(header->warning, t->warning, sizeof header->warning);
}

static void fill_header(shim_header *header,
                        const struct jpeg_decompress_struct *info)
{
    int hmax = 1, vmax = 1;
    header->width = (int32_t)info->image_width;
    header->height = (int32_t)info->image_height;
    header->precision = info->data_precision;
    header->progressive = info->progressive_mode ? 1 : 0;
    header->arithmetic = info->arith_code ? 1 : 0;
    header->components = info->num_components;
    header->restart_interval = (int32_t)info->restart_interval;
    fill_warnings(header, (const trap *)info->err);
    header->jpeg_color_space = (int32_t)info->jpeg_color_space;
    for (int c = 0; c < info->num_components; c++) {
        if (info->comp_info[c].h_samp_factor > hmax)
            hmax = info->comp_info[c].h_samp_factor;
        if (info->comp_info[c].v_samp_factor > vmax)
            vmax = info->comp_info[c].v_samp_factor;
    }
    for (int c = 0; c < info->num_components && c < 4; c++) {
        const jpeg_component_info *from = &info->comp_info[c];
        shim_component *to = &header->component[c];
        to->id = from->component_id;
        to->h = from->h_samp_factor;
        to->v = from->v_samp_factor;
        to->blocks_wide = ceil_div(
            ceil_div((int64_t)info->image_width * to->h, hmax), 8);
        to->blocks_high = ceil_div(
            ceil_div((int64_t)info->image_height * to->v, vmax), 8);
        fill_table(to, from, info);
    }
}

static int32_t read_coefficients(reader *r, const uint8_t *data, size_t len,
                                 shim_header *header, int16_t *out,
                                 size_t capacity)
{
    struct jpeg_decompress_struct *info = &r->info;
    size_t need = 0;

    jpeg_create_decompress(info);
    jpeg_mem_src(info, data, (unsigned long)len);
    jpeg_read_header(info, TRUE);
    fill_header(header, info);
    if (info->num_components > 4)
        return fail("more than 4 components");
    r->arrays = jpeg_read_coefficients(info);
    fill_header(header, info); /* again: tables, restarts, warnings */

    if (out == NULL)
        return OK;
    for (int c = 0; c < header->components; c++)
        need += (size_t)header->component[c].blocks_wide *
                (size_t)header->component[c].blocks_high * 64;
    if (capacity < need)
        return TOO_SMALL;
    for (int c = 0; c < header->components; c++) {
        const shim_component *part = &header->component[c];
        size_t row_len = (size_t)part->blocks_wide * 64;
        for (int32_t y = 0; y < part->blocks_high; y++) {
            JBLOCKARRAY rows = (*info->mem->access_virt_barray)(
                (j_common_ptr)info, r->arrays[c], (JDIMENSION)y, 1, FALSE);
            memcpy(out, rows[0], row_len * sizeof *out);
            out += row_len;
        }
    }
    return OK;
}

int32_t shim_read_coefficients(const uint8_t *data, size_t len,
                               shim_header *header, int16_t *out,
                               size_t capacity)
{
    int32_t rc;
    reader *r = reader_new();
    memset(header, 0, sizeof *header);
    if (r == NULL)
        return FAILED;
    if (setjmp(r->trap.jump)) {
        fill_warnings(header, &r->trap);
        reader_free(r);
        return FAILED;
    }
    rc = read_coefficients(r, data, len, header, out, capacity);
    reader_free(r);
    return rc;
}

static int32_t decode(reader *r, const uint8_t *data, size_t len,
                      int32_t fancy, int32_t *width, int32_t *height,
                      int32_t *channels, int32_t *warnings, uint8_t *out,
                      size_t capacity)
{
    struct jpeg_decompress_struct *info = &r->info;
    size_t stride;

    jpeg_create_decompress(info);
    jpeg_mem_src(info, data, (unsigned long)len);
    jpeg_read_header(info, TRUE);
    switch (info->num_components) {
    case 1:
    case 3:
        info->out_color_space = JCS_RGB;
        break;
    case 4:
        info->out_color_space = JCS_CMYK;
        break;
    default: /* as stored */
        info->out_color_space = info->jpeg_color_space;
        break;
    }
    info->dct_method = JDCT_ISLOW;
    info->do_fancy_upsampling = fancy ? TRUE : FALSE;
    info->do_block_smoothing = FALSE;
    jpeg_calc_output_dimensions(info);
    *width = (int32_t)info->output_width;
    *height = (int32_t)info->output_height;
    *channels = info->out_color_components;
    *warnings = (int32_t)info->err->num_warnings;
    if (out == NULL)
        return OK;
    stride = (size_t)info->output_width * (size_t)info->out_color_components;
    if (capacity < stride * info->output_height)
        return TOO_SMALL;
    jpeg_start_decompress(info);
    while (info->output_scanline < info->output_height) {
        JSAMPROW row = out + stride * info->output_scanline;
        jpeg_read_scanlines(info, &row, 1);
    }
    jpeg_finish_decompress(info);
    *warnings = (int32_t)info->err->num_warnings;
    return OK;
}

int32_t shim_decode(const uint8_t *data, size_t len, int32_t fancy,
                    int32_t *width, int32_t *height, int32_t *channels,
                    int32_t *warnings, uint8_t *out, size_t capacity)
{
    int32_t rc;
    reader *r = reader_new();
    *width = *height = *channels = *warnings = 0;
    if (r == NULL)
        return FAILED;
    if (setjmp(r->trap.jump)) {
        *warnings = (int32_t)r->trap.base.num_warnings;
        reader_free(r);
        return FAILED;
    }
    rc = decode(r, data, len, fancy, width, height, channels, warnings, out,
                capacity);
    reader_free(r);
    return rc;
}

/* ---- writing ----------------------------------------------------------- */

/*
 * A destination of fixed size. libjpeg asks for a new buffer as soon as one is
 * filled, even when nothing more is to come, so a filled buffer is followed by
 * a spill area; only bytes that really land there make the buffer too small.
 */
typedef struct {
    struct jpeg_destination_mgr base; /* first: libjpeg hands it back */
    uint8_t *out;
    size_t capacity;
    size_t written;
    int spilling;
    uint8_t spill[SPILL];
} sink;

typedef struct {
    struct jpeg_compress_struct info;
    trap trap;
    sink sink;
    jpeg_scan_info scans[MAX_SCANS];
} writer;

static void sink_spill(sink *s)
{
    s->spilling = 1;
    s->base.next_output_byte = s->spill;
    s->base.free_in_buffer = SPILL;
}

static void sink_full(j_compress_ptr info)
{
    ((trap *)info->err)->full = 1;
    ERREXIT1(info, JERR_OUT_OF_MEMORY, 0);
}

static void sink_init(j_compress_ptr info)
{
    sink *s = (sink *)info->dest;
    s->base.next_output_byte = s->out;
    s->base.free_in_buffer = s->capacity;
    if (s->capacity == 0)
        sink_spill(s);
}

static boolean sink_empty(j_compress_ptr info)
{
    sink *s = (sink *)info->dest;
    if (s->spilling)
        sink_full(info);
    sink_spill(s);
    return TRUE;
}

static void sink_term(j_compress_ptr info)
{
    sink *s = (sink *)info->dest;
    if (!s->spilling)
        s->written = s->capacity - s->base.free_in_buffer;
    else if (s->base.free_in_buffer == SPILL)
        s->written = s->capacity;
    else
        sink_full(info);
}

static writer *writer_new(uint8_t *out, size_t capacity)
{
    writer *w = calloc(1, sizeof *w);
    last_error[0] = 0;
    if (w == NULL) {
        fail("out of memory");
        return NULL;
    }
    w->info.err = trap_init(&w->trap);
    w->sink.base.init_destination = sink_init;
    w->sink.base.empty_output_buffer = sink_empty;
    w->sink.base.term_destination = sink_term;
    w->sink.out = out;
    w->sink.capacity = out == NULL ? 0 : capacity;
    return w;
}

static void writer_free(writer *w)
{
    jpeg_destroy_compress(&w->info);
    free(w);
}

static int32_t writer_failed(writer *w)
{
    int full = w->trap.full;
    writer_free(w);
    if (full) {
        fail("output buffer too small");
        return TOO_SMALL;
    }
    return FAILED;
}

/*
 * The scans: one interleaved scan, or libjpeg's simple progression. Where an
 * MCU of all components would hold more blocks than libjpeg allows, every
 * interleaved scan is split into one scan per component.
 */
static int32_t choose_scans(writer *w, int progressive)
{
    struct jpeg_compress_struct *info = &w->info;
    jpeg_scan_info whole;
    const jpeg_scan_info *from = &whole;
    int count = 1, used = 0, blocks = 0;

    if (progressive)
        jpeg_simple_progression(info);
    if (info->num_components == 1)
        return OK;
    for (int c = 0; c < info->num_components; c++)
        blocks += info->comp_info[c].h_samp_factor *
                  info->comp_info[c].v_samp_factor;
    if (blocks <= C_MAX_BLOCKS_IN_MCU)
        return OK;
    if (progressive) {
        from = info->scan_info;
        count = info->num_scans;
    } else {
        memset(&whole, 0, sizeof whole);
        whole.comps_in_scan = info->num_components;
        for (int c = 0; c < info->num_components; c++)
            whole.component_index[c] = c;
        whole.Se = 63;
    }
    for (int i = 0; i < count; i++) {
        for (int c = 0; c < from[i].comps_in_scan; c++) {
            if (used == MAX_SCANS)
                return fail("too many scans");
            w->scans[used] = from[i];
            w->scans[used].comps_in_scan = 1;
            w->scans[used].component_index[0] = from[i].component_index[c];
            used++;
        }
    }
    info->scan_info = w->scans;
    info->num_scans = used;
    return OK;
}

typedef struct {
    int32_t optimize, restart_interval, progressive;
    /* NULL: Huffman; else L, U and K of the destinations 0 to 3, 4 bytes each */
    const uint8_t *conditioning;
} coding;

static int32_t check_coding(const coding *c)
{
    if (c->restart_interval < 0 || c->restart_interval > 65535)
        return fail("restart interval out of range");
    for (int t = 0; c->conditioning != NULL && t < 4; t++)
        if (c->conditioning[t] > c->conditioning[4 + t] ||
            c->conditioning[4 + t] > 15 || c->conditioning[8 + t] < 1 ||
            c->conditioning[8 + t] > 63)
            return fail("bad arithmetic conditioning");
    return OK;
}

static int32_t apply_coding(writer *w, const coding *c)
{
    struct jpeg_compress_struct *info = &w->info;

    info->arith_code = c->conditioning != NULL ? TRUE : FALSE;
    for (int t = 0; c->conditioning != NULL && t < 4; t++) {
        info->arith_dc_L[t] = c->conditioning[t];
        info->arith_dc_U[t] = c->conditioning[4 + t];
        info->arith_ac_K[t] = c->conditioning[8 + t];
    }
    info->optimize_coding = c->optimize ? TRUE : FALSE;
    info->restart_interval = (unsigned int)c->restart_interval;
    info->restart_in_rows = 0;
    return choose_scans(w, c->progressive);
}

void shim_close(void *handle)
{
    if (handle != NULL)
        reader_free(handle);
}

void *shim_open(const uint8_t *data, size_t len)
{
    reader *r = reader_new();
    if (r == NULL)
        return NULL;
    if (setjmp(r->trap.jump)) {
        reader_free(r);
        return NULL;
    }
    jpeg_create_decompress(&r->info);
    jpeg_mem_src(&r->info, data, (unsigned long)len);
    jpeg_read_header(&r->info, TRUE);
    r->arrays = jpeg_read_coefficients(&r->info);
    if (r->info.num_components > 4) {
        reader_free(r);
        fail("more than 4 components");
        return NULL;
    }
    return r;
}

static int32_t transcode(writer *w, reader *r, const coding *c)
{
    struct jpeg_compress_struct *info = &w->info;

    jpeg_create_compress(info);
    info->dest = &w->sink.base;
    jpeg_copy_critical_parameters(&r->info, info);
    if (apply_coding(w, c) != OK)
        return FAILED;
    jpeg_write_coefficients(info, r->arrays);
    jpeg_finish_compress(info);
    return OK;
}

/* The scans given, in place of those of choose_scans. */
static int32_t transcode_scans(writer *w, reader *r, const coding *c,
                               const jpeg_scan_info *scans, int32_t count)
{
    struct jpeg_compress_struct *info = &w->info;

    if (count < 0 || count > MAX_SCANS)
        return fail("too many scans");
    jpeg_create_compress(info);
    info->dest = &w->sink.base;
    jpeg_copy_critical_parameters(&r->info, info);
    if (apply_coding(w, c) != OK)
        return FAILED;
    memcpy(w->scans, scans, (size_t)count * sizeof *scans);
    info->scan_info = w->scans;
    info->num_scans = count;
    jpeg_write_coefficients(info, r->arrays);
    jpeg_finish_compress(info);
    return OK;
}

int32_t shim_transcode_scans(void *handle, int32_t optimize,
                             int32_t restart_interval,
                             const uint8_t *conditioning,
                             const jpeg_scan_info *scans, int32_t count,
                             uint8_t *out, size_t capacity, size_t *written)
{
    const coding c = {optimize, restart_interval, 0, conditioning};
    int32_t rc;
    reader *r = handle;
    writer *w;

    *written = 0;
    if (r == NULL)
        return fail("no handle");
    if (check_coding(&c) != OK)
        return FAILED;
    w = writer_new(out, capacity);
    if (w == NULL)
        return FAILED;
    if (setjmp(w->trap.jump))
        return writer_failed(w);
    rc = transcode_scans(w, r, &c, scans, count);
    *written = w->sink.written;
    writer_free(w);
    return rc;
}

int32_t shim_transcode(void *handle, int32_t optimize,
                       int32_t restart_interval, int32_t progressive,
                       const uint8_t *conditioning, uint8_t *out,
                       size_t capacity, size_t *written)
{
    const coding c = {optimize, restart_interval, progressive, conditioning};
    int32_t rc;
    reader *r = handle;
    writer *w;

    *written = 0;
    if (r == NULL)
        return fail("no handle");
    if (check_coding(&c) != OK)
        return FAILED;
    w = writer_new(out, capacity);
    if (w == NULL)
        return FAILED;
    /* errors of the source arrays come back here too */
    if (setjmp(w->trap.jump))
        return writer_failed(w);
    rc = transcode(w, r, &c);
    *written = w->sink.written;
    writer_free(w);
    return rc;
}

typedef struct {
    int channels; /* 0: any */
    J_COLOR_SPACE in, stored;
} mode_row;

static const mode_row modes[] = {
    {1, JCS_GRAYSCALE, JCS_GRAYSCALE},
    {3, JCS_RGB, JCS_YCbCr},
    {3, JCS_RGB, JCS_RGB},
    {4, JCS_CMYK, JCS_CMYK},
    {4, JCS_CMYK, JCS_YCCK},
    {0, JCS_UNKNOWN, JCS_UNKNOWN},
};

typedef struct {
    const uint8_t *pixels, *sampling;
    const uint16_t *tables;
    int32_t width, height, channels, mode, table_count;
    coding coding;
} encode_job;

static int32_t prepare(writer *w, const encode_job *job)
{
    struct jpeg_compress_struct *info = &w->info;

    info->image_width = (JDIMENSION)job->width;
    info->image_height = (JDIMENSION)job->height;
    info->input_components = job->channels;
    info->in_color_space = modes[job->mode].in;
    jpeg_set_defaults(info);
    jpeg_set_colorspace(info, modes[job->mode].stored);
    info->dct_method = JDCT_ISLOW;
    for (int t = 0; t < job->table_count; t++) {
        if (info->quant_tbl_ptrs[t] == NULL)
            info->quant_tbl_ptrs[t] =
                jpeg_alloc_quant_table((j_common_ptr)info);
        for (int k = 0; k < 64; k++)
            info->quant_tbl_ptrs[t]->quantval[k] = job->tables[t * 64 + k];
        info->quant_tbl_ptrs[t]->sent_table = FALSE;
    }
    for (int c = 0; c < info->num_components; c++) {
        info->comp_info[c].h_samp_factor = job->sampling[2 * c];
        info->comp_info[c].v_samp_factor = job->sampling[2 * c + 1];
        info->comp_info[c].quant_tbl_no =
            c < job->table_count ? c : job->table_count - 1;
    }
    return apply_coding(w, &job->coding);
}

static int32_t check_job(const encode_job *job)
{
    if (job->pixels == NULL || job->sampling == NULL || job->tables == NULL)
        return fail("a pointer is missing");
    if (job->width < 1 || job->height < 1 || job->channels < 1 ||
        job->channels > 4)
        return fail("bad picture size");
    if (job->mode < 0 || job->mode > 5 ||
        (modes[job->mode].channels != 0 &&
         modes[job->mode].channels != job->channels))
        return fail("this mode does not take so many channels");
    if (job->table_count < 1 || job->table_count > 4)
        return fail("bad count of tables");
    return check_coding(&job->coding);
}

static int32_t encode(writer *w, const encode_job *job)
{
    struct jpeg_compress_struct *info = &w->info;
    size_t stride = (size_t)job->width * (size_t)job->channels;

    jpeg_create_compress(info);
    info->dest = &w->sink.base;
    if (prepare(w, job) != OK)
        return FAILED;
    jpeg_start_compress(info, TRUE);
    while (info->next_scanline < info->image_height) {
        JSAMPROW row = (JSAMPROW)(job->pixels + stride * info->next_scanline);
        jpeg_write_scanlines(info, &row, 1);
    }
    jpeg_finish_compress(info);
    return OK;
}

/*
 * Steps above 8191 are stored as given, but libjpeg-turbo's quantiser works
 * with eight times the step in 16 bits, so the coefficients made with such a
 * step are not the wanted ones: refuse them.
 */
int32_t shim_encode(const uint8_t *pixels, int32_t width, int32_t height,
                    int32_t in_channels, int32_t mode,
                    const uint8_t *sampling, const uint16_t *tables,
                    int32_t table_count, int32_t optimize,
                    int32_t restart_interval, int32_t progressive,
                    const uint8_t *conditioning, uint8_t *out,
                    size_t capacity, size_t *written)
{
    const encode_job job = {
        pixels, sampling, tables, width, height, in_channels, mode,
        table_count,
        {optimize, restart_interval, progressive, conditioning}};
    int32_t rc;
    writer *w;

    *written = 0;
    if (check_job(&job) != OK)
        return FAILED;
    for (int32_t k = 0; k < table_count * 64; k++)
        if (tables[k] < 1 || tables[k] > 8191)
            return fail("a quantisation step outside 1 to 8191");
    w = writer_new(out, capacity);
    if (w == NULL)
        return FAILED;
    if (setjmp(w->trap.jump))
        return writer_failed(w);
    rc = encode(w, &job);
    *written = w->sink.written;
    writer_free(w);
    return rc;
}

static int32_t write_levels(writer *w, const encode_job *job,
                            int32_t precision, const int16_t *levels)
{
    struct jpeg_compress_struct *info = &w->info;
    jvirt_barray_ptr arrays[4];
    int hmax = 1, vmax = 1;

    jpeg_create_compress(info);
    info->dest = &w->sink.base;
    info->data_precision = precision;
    if (prepare(w, job) != OK)
        return FAILED;
    info->data_precision = precision;
    for (int c = 0; c < job->channels; c++) {
        if (job->sampling[2 * c] > hmax)
            hmax = job->sampling[2 * c];
        if (job->sampling[2 * c + 1] > vmax)
            vmax = job->sampling[2 * c + 1];
    }
    for (int c = 0; c < job->channels; c++) {
        int h = job->sampling[2 * c], v = job->sampling[2 * c + 1];
        arrays[c] = (*info->mem->request_virt_barray)(
            (j_common_ptr)info, JPOOL_IMAGE, TRUE,
            (JDIMENSION)(ceil_div(job->width, 8 * hmax) * h),
            (JDIMENSION)(ceil_div(job->height, 8 * vmax) * v),
            (JDIMENSION)v);
    }
    jpeg_write_coefficients(info, arrays);
    for (int c = 0; c < job->channels; c++) {
        int h = job->sampling[2 * c], v = job->sampling[2 * c + 1];
        size_t wide = (size_t)ceil_div(
            ceil_div((int64_t)job->width * h, hmax), 8);
        int high = ceil_div(ceil_div((int64_t)job->height * v, vmax), 8);
        for (int y = 0; y < high; y++) {
            JBLOCKARRAY rows = (*info->mem->access_virt_barray)(
                (j_common_ptr)info, arrays[c], (JDIMENSION)y, 1, TRUE);
            memcpy(rows[0], levels, wide * sizeof(JBLOCK));
            levels += wide * 64;
        }
    }
    jpeg_finish_compress(info);
    return OK;
}

/*
 * A file of the given coefficients, laid out as shim_read_coefficients gives
 * them. A precision of 12 needs libjpeg-turbo 3; earlier ones refuse it.
 */
int32_t shim_write_coefficients(
    const int16_t *levels, int32_t precision, int32_t width, int32_t height,
    int32_t channels, int32_t mode, const uint8_t *sampling,
    const uint16_t *tables, int32_t table_count, int32_t optimize,
    int32_t restart_interval, int32_t progressive,
    const uint8_t *conditioning, uint8_t *out, size_t capacity,
    size_t *written)
{
    const encode_job job = {
        (const uint8_t *)levels, sampling, tables, width, height, channels,
        mode, table_count,
        {optimize, restart_interval, progressive, conditioning}};
    int32_t rc;
    writer *w;

    *written = 0;
    if (check_job(&job) != OK)
        return FAILED;
    w = writer_new(out, capacity);
    if (w == NULL)
        return FAILED;
    if (setjmp(w->trap.jump))
        return writer_failed(w);
    rc = write_levels(w, &job, precision, levels);
    *written = w->sink.written;
    writer_free(w);
    return rc;
}
