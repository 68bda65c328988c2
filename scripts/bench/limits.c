// What bounds a sweep of ALS on this machine, on one core:
//
//     gcc -O3 -mavx -mno-fma scripts/bench/limits.c -o /tmp/limits
//     /tmp/limits results/cache/bench/data/synthetic-25000000-seed1/prepared
//
// 1. The speed at which 128-bit vectors are multiplied and added, which bounds the products with the Gram matrix.
// 2. One pass over all ratings of both sides, rank 64: for every rating a dot product with a row of the other side, and that row
//    added to a sum, four ratings at a time as in src/numeric/wasm/als/conjugate-gradients.ts. Without and with the prefetch
//    instruction, which WebAssembly does not have. A sweep of ours makes about two and a half such passes.
#include <immintrin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { RANK = 64, AHEAD = 16, VECTORS = 8 };

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

// The columns of a file, with AHEAD more of zeros.
static int *readColumns(const char *folder, const char *name, long *count) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *file = fopen(path, "rb");
  if (!file) {
    fprintf(stderr, "%s: cannot be read; `npm run bench -- --only als` prepares it\n", path);
    exit(1);
  }
  fseek(file, 0, SEEK_END);
  *count = ftell(file) / 4;
  rewind(file);
  int *values = calloc(*count + AHEAD, 4);
  if (fread(values, 4, *count, file) != (size_t)*count) exit(1);
  fclose(file);
  return values;
}

static float sumOfLanes(__m128 v) {
  float lanes[4];
  _mm_storeu_ps(lanes, v);
  return lanes[0] + lanes[1] + lanes[2] + lanes[3];
}

// sum += (y.x) y over `count` rows y of Y.
__attribute__((noinline)) static void addRows(const float *Y, const int *rows, int count, const float *x, float *sum, int ahead) {
  for (int p = 0; p + 4 <= count; p += 4) {
    const float *y[4];
    for (int n = 0; n < 4; n++) {
      y[n] = Y + (long)rows[p + n] * RANK;
      const char *next = (const char *)(Y + (long)rows[p + n + AHEAD] * RANK);
      if (ahead)
        for (int byte = 0; byte < RANK * 4; byte += 64) _mm_prefetch(next + byte, _MM_HINT_T0);
    }
    __m128 even[4] = {0}, odd[4] = {0}, scale[4];
    for (int j = 0; j < RANK; j += 8) {
      __m128 first = _mm_loadu_ps(x + j), second = _mm_loadu_ps(x + j + 4);
      for (int n = 0; n < 4; n++) {
        even[n] = _mm_add_ps(even[n], _mm_mul_ps(_mm_loadu_ps(y[n] + j), first));
        odd[n] = _mm_add_ps(odd[n], _mm_mul_ps(_mm_loadu_ps(y[n] + j + 4), second));
      }
    }
    for (int n = 0; n < 4; n++) scale[n] = _mm_set1_ps(sumOfLanes(_mm_add_ps(even[n], odd[n])));
    for (int j = 0; j < RANK; j += 4) {
      __m128 s = _mm_loadu_ps(sum + j);
      for (int n = 0; n < 4; n++) s = _mm_add_ps(s, _mm_mul_ps(scale[n], _mm_loadu_ps(y[n] + j)));
      _mm_storeu_ps(sum + j, s);
    }
  }
}

// Seconds of a pass over one side.
static double pass(const int *pointers, const int *columns, int rows, float *X, const float *Y, int ahead) {
  double start = now();
  for (int row = 0; row < rows; row++) {
    float sum[RANK] = {0};
    addRows(Y, columns + pointers[row], pointers[row + 1] - pointers[row], X + (long)row * RANK, sum, ahead);
    X[(long)row * RANK] += 1e-9f * sum[0];
  }
  return now() - start;
}

static float *factors(long rows) {
  float *values = aligned_alloc(64, rows * RANK * 4);
  for (long i = 0; i < rows * RANK; i++) values[i] = 0.01f * (i % 7);
  return values;
}

static double peak(void) {
  __m128 sums[VECTORS];
  const __m128 a = _mm_set1_ps(0.5f), b = _mm_set1_ps(0.25f);
  for (int n = 0; n < VECTORS; n++) sums[n] = _mm_set1_ps(n);
  const long rounds = 100000000;
  double start = now();
  for (long round = 0; round < rounds; round++)
    for (int n = 0; n < VECTORS; n++) {
      __m128 product;
      __asm__ volatile("vmulps %2, %3, %1\n\tvaddps %1, %0, %0" : "+x"(sums[n]), "=&x"(product) : "x"(a), "x"(b));
    }
  return rounds * VECTORS * 8 / (now() - start) / 1e9;
}

int main(int count, char **words) {
  if (count != 2) {
    fprintf(stderr, "usage: limits FOLDER, which `npm run bench -- --only als` prepares\n");
    return 2;
  }
  long users, ratings;
  int *byUser = readColumns(words[1], "train.pointers.i32", &users);
  int *itemOf = readColumns(words[1], "train.items.i32", &ratings);
  users--;
  int items = 0;
  for (long n = 0; n < ratings; n++)
    if (itemOf[n] >= items) items = itemOf[n] + 1;
  int *byItem = calloc(items + 1, 4), *next = calloc(items + 1, 4), *userOf = calloc(ratings + AHEAD, 4);
  for (long n = 0; n < ratings; n++) byItem[itemOf[n] + 1]++;
  for (int item = 0; item < items; item++) byItem[item + 1] += byItem[item];
  memcpy(next, byItem, 4L * items);
  for (int user = 0; user < users; user++)
    for (int p = byUser[user]; p < byUser[user + 1]; p++) userOf[next[itemOf[p]]++] = user;
  float *X = factors(users), *Y = factors(items);
  printf("multiplied and added: %.1f GFLOP/s\n", peak());
  for (int turn = 0; turn < 3; turn++)
    for (int ahead = 0; ahead < 2; ahead++) {
      double ofUsers = pass(byUser, itemOf, users, X, Y, ahead);
      double ofItems = pass(byItem, userOf, items, Y, X, ahead);
      printf("a pass %s prefetch: %.2f s (users %.2f, items %.2f)\n", ahead ? "with" : "without", ofUsers + ofItems, ofUsers, ofItems);
    }
}
