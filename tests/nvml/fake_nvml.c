/* A libnvidia-ml.so.1 for tests. The file named by FAKE_NVML scripts it, one `key=value` per line:
 *   gpus=2                          how many GPUs there are
 *   driver=550.54.14 nvml=12.550.54.14 cuda=12040
 *   hang=nvmlInitWithFlags          a function that never returns
 *   crash=nvmlDeviceGetName         a function that kills its process
 *   error.FUNCTION=18               what a function returns, for every GPU
 *   error.FUNCTION.1=15             ... for one GPU
 *   name.0=... value.KEY.0=...      what one GPU answers; value.KEY for all
 * Signatures and structures are those of NVIDIA's nvml.h. */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef int nvmlReturn_t;
typedef struct { int index; } *nvmlDevice_t;
enum { SUCCESS = 0, NOT_SUPPORTED = 3, NOT_FOUND = 6, INSUFFICIENT_SIZE = 7 };
#define MAX_GPUS 16
static int indices[MAX_GPUS];

static const char *look_up(const char *key) {
    static char answer[256];
    char line[512];
    const char *path = getenv("FAKE_NVML");
    FILE *file = path ? fopen(path, "r") : NULL;
    const char *found = NULL;
    size_t length = strlen(key);
    while (file && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = 0;
        if (!strncmp(line, key, length) && line[length] == '=') {
            snprintf(answer, sizeof answer, "%s", line + length + 1);
            found = answer;
        }
    }
    if (file) fclose(file);
    return found;
}

static const char *of_gpu(const char *kind, const char *name, nvmlDevice_t device) {
    char key[160];
    const char *found = NULL;
    if (device) {
        snprintf(key, sizeof key, "%s%s.%d", kind, name, device->index);
        found = look_up(key);
    }
    if (!found) {
        snprintf(key, sizeof key, "%s%s", kind, name);
        found = look_up(key);
    }
    return found;
}

static nvmlReturn_t enter(const char *function, nvmlDevice_t device) {
    const char *planned = look_up("hang");
    if (planned && !strcmp(planned, function)) for (;;) pause();
    planned = look_up("crash");
    if (planned && !strcmp(planned, function)) raise(SIGSEGV);
    planned = of_gpu("error.", function, device);
    return planned ? atoi(planned) : SUCCESS;
}

static unsigned long long number(const char *name, nvmlDevice_t device, unsigned long long otherwise) {
    const char *found = of_gpu("value.", name, device);
    return found ? strtoull(found, NULL, 0) : otherwise;
}

#define ENTER(device) nvmlReturn_t code = enter(__func__, (nvmlDevice_t)(device)); if (code) return code
#define TEXT(target, size, key, otherwise) do { const char *t = look_up(key); \
    snprintf(target, size, "%s", t ? t : otherwise); } while (0)

nvmlReturn_t nvmlInitWithFlags(unsigned flags) { (void)flags; ENTER(NULL); return SUCCESS; }
nvmlReturn_t nvmlShutdown(void) { return SUCCESS; }

const char *nvmlErrorString(nvmlReturn_t code) {
    switch (code) {
        case 3: return "Not Supported";
        case 4: return "Insufficient Permissions";
        case 9: return "Driver Not Loaded";
        case 15: return "GPU is lost";
        case 18: return "Driver/library version mismatch";
        default: return "Unknown Error";
    }
}

nvmlReturn_t nvmlSystemGetDriverVersion(char *text, unsigned size) {
    ENTER(NULL); TEXT(text, size, "driver", "550.54.14"); return SUCCESS;
}
nvmlReturn_t nvmlSystemGetNVMLVersion(char *text, unsigned size) {
    ENTER(NULL); TEXT(text, size, "nvml", "12.550.54.14"); return SUCCESS;
}
nvmlReturn_t nvmlSystemGetCudaDriverVersion_v2(int *version) {
    ENTER(NULL); const char *t = look_up("cuda"); *version = t ? atoi(t) : 12040; return SUCCESS;
}
nvmlReturn_t nvmlDeviceGetCount_v2(unsigned *count) {
    ENTER(NULL); const char *t = look_up("gpus"); *count = t ? (unsigned)atoi(t) : 1; return SUCCESS;
}
nvmlReturn_t nvmlDeviceGetHandleByIndex_v2(unsigned index, nvmlDevice_t *device) {
    if (index >= MAX_GPUS) return NOT_FOUND;
    indices[index] = (int)index;
    *device = (nvmlDevice_t)&indices[index];
    ENTER(*device); return SUCCESS;
}
nvmlReturn_t nvmlDeviceGetName(nvmlDevice_t device, char *text, unsigned size) {
    ENTER(device);
    const char *t = of_gpu("name", "", device);
    snprintf(text, size, "%s", t ? t : "NVIDIA Fake 4090");
    return SUCCESS;
}
nvmlReturn_t nvmlDeviceGetCudaComputeCapability(nvmlDevice_t device, int *major, int *minor) {
    ENTER(device);
    int both = (int)number("capability", device, 89);
    *major = both / 10; *minor = both % 10; return SUCCESS;
}
typedef struct { char legacy[16]; unsigned domain, bus, device, id, subsystem; char bus_id[32]; } pci_t;
nvmlReturn_t nvmlDeviceGetPciInfo_v3(nvmlDevice_t device, pci_t *pci) {
    ENTER(device);
    memset(pci, 0, sizeof *pci);
    snprintf(pci->bus_id, sizeof pci->bus_id, "00000000:%02X:00.0", device->index + 10);
    return SUCCESS;
}
typedef struct { unsigned long long total, free, used; } memory_t;
nvmlReturn_t nvmlDeviceGetMemoryInfo(nvmlDevice_t device, memory_t *memory) {
    ENTER(device);
    memory->total = number("memory", device, 24564ull << 20);
    memory->used = number("memory_used", device, 430ull << 20);
    memory->free = memory->total - memory->used; return SUCCESS;
}
typedef struct { unsigned gpu, memory; } utilization_t;
nvmlReturn_t nvmlDeviceGetUtilizationRates(nvmlDevice_t device, utilization_t *rates) {
    ENTER(device); rates->gpu = (unsigned)number("utilization", device, 7); rates->memory = 1; return SUCCESS;
}
nvmlReturn_t nvmlDeviceGetTemperature(nvmlDevice_t device, unsigned sensor, unsigned *celsius) {
    (void)sensor; ENTER(device); *celsius = (unsigned)number("temperature", device, 38); return SUCCESS;
}
nvmlReturn_t nvmlDeviceGetClockInfo(nvmlDevice_t device, unsigned kind, unsigned *mhz) {
    (void)kind; ENTER(device); *mhz = (unsigned)number("clock", device, 210); return SUCCESS;
}
nvmlReturn_t nvmlDeviceGetMaxClockInfo(nvmlDevice_t device, unsigned kind, unsigned *mhz) {
    (void)kind; ENTER(device); *mhz = (unsigned)number("clock_max", device, 3105); return SUCCESS;
}
nvmlReturn_t nvmlDeviceGetCurrentClocksThrottleReasons(nvmlDevice_t device, unsigned long long *mask) {
    ENTER(device); *mask = number("throttle", device, 1); return SUCCESS;
}
typedef struct { unsigned pid; unsigned long long used; unsigned gpu_instance, compute_instance; } process_t;
nvmlReturn_t nvmlDeviceGetComputeRunningProcesses_v3(nvmlDevice_t device, unsigned *count, process_t *list) {
    ENTER(device);
    unsigned pid = (unsigned)number("process", device, 0);
    if (!pid) { *count = 0; return SUCCESS; }
    if (*count < 1 || !list) { *count = 1; return INSUFFICIENT_SIZE; }
    memset(list, 0, sizeof *list);
    list->pid = pid; list->used = number("process_memory", device, 1024ull << 20);
    *count = 1; return SUCCESS;
}
nvmlReturn_t nvmlDeviceGetEccMode(nvmlDevice_t device, unsigned *now, unsigned *pending) {
    ENTER(device); *now = (unsigned)number("ecc", device, 1);
    *pending = (unsigned)number("ecc_pending", device, *now); return SUCCESS;
}
nvmlReturn_t nvmlDeviceGetTotalEccErrors(nvmlDevice_t device, unsigned kind, unsigned counter, unsigned long long *count) {
    ENTER(device); *count = kind == 1 ? number(counter ? "ecc_aggregate" : "ecc_volatile", device, 0) : 0; return SUCCESS;
}
nvmlReturn_t nvmlDeviceGetRemappedRows(nvmlDevice_t device, unsigned *corrected, unsigned *uncorrected,
                                       unsigned *pending, unsigned *failed) {
    ENTER(device); *corrected = 0; *uncorrected = 0;
    *pending = (unsigned)number("remap_pending", device, 0);
    *failed = (unsigned)number("remap_failed", device, 0); return SUCCESS;
}
nvmlReturn_t nvmlDeviceGetMigMode(nvmlDevice_t device, unsigned *now, unsigned *pending) {
    ENTER(device); *now = (unsigned)number("mig", device, 0);
    *pending = (unsigned)number("mig_pending", device, *now); return SUCCESS;
}
nvmlReturn_t nvmlDeviceGetMaxMigDeviceCount(nvmlDevice_t device, unsigned *count) { ENTER(device); *count = 7; return SUCCESS; }
nvmlReturn_t nvmlDeviceGetMigDeviceHandleByIndex(nvmlDevice_t device, unsigned slot, nvmlDevice_t *instance) {
    ENTER(device);
    if (slot >= number("mig_instances", device, 0)) return NOT_FOUND;
    *instance = device; return SUCCESS;
}
nvmlReturn_t nvmlDeviceGetNvLinkState(nvmlDevice_t device, unsigned link, unsigned *active) {
    ENTER(device);
    unsigned count = (unsigned)number("nvlinks", device, 0);
    if (link >= count) return NOT_SUPPORTED;
    *active = link != (unsigned)number("nvlink_down", device, count); return SUCCESS;
}
#define ONE(function, key, otherwise) \
    nvmlReturn_t function(nvmlDevice_t device, unsigned *value) { \
        ENTER(device); *value = (unsigned)number(key, device, otherwise); return SUCCESS; }
ONE(nvmlDeviceGetPowerUsage, "power", 28400)
ONE(nvmlDeviceGetEnforcedPowerLimit, "power_limit", 450000)
ONE(nvmlDeviceGetCurrPcieLinkGeneration, "pcie_gen", 1)
ONE(nvmlDeviceGetMaxPcieLinkGeneration, "pcie_gen_max", 4)
ONE(nvmlDeviceGetCurrPcieLinkWidth, "pcie_width", 16)
ONE(nvmlDeviceGetMaxPcieLinkWidth, "pcie_width_max", 16)
ONE(nvmlDeviceGetRetiredPagesPendingStatus, "retire_pending", 0)
ONE(nvmlDeviceGetComputeMode, "compute_mode", 0)
ONE(nvmlDeviceGetPersistenceMode, "persistence", 1)
nvmlReturn_t nvmlDeviceGetVirtualizationMode(nvmlDevice_t device, unsigned long long *mode) {
    ENTER(device); *mode = number("virtualization", device, 0); return SUCCESS;
}
nvmlReturn_t nvmlDeviceGetPcieThroughput(nvmlDevice_t device, unsigned direction, unsigned *kilobytes) {
    ENTER(device); *kilobytes = (unsigned)number(direction ? "pcie_received" : "pcie_sent", device, 1500000); return SUCCESS;
}
