package dev.tandem.core.io;

import static dev.tandem.core.io.Allocation.assertRefused;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.HostArray;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Random;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class IdxTest {
  @TempDir private Path folder;

  private static byte[] hex(String bytes) {
    return HexFormat.of().parseHex(bytes.replace(" ", ""));
  }

  private static byte[] gzip(byte[] plain) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (GZIPOutputStream out = new GZIPOutputStream(bytes)) {
      out.write(plain);
    }
    return bytes.toByteArray();
  }

  private static HostArray read(byte[] bytes) throws IOException {
    return Idx.read(new ByteArrayInputStream(bytes), "it");
  }

  @ParameterizedTest
  @CsvSource({
      "0000 0801 00000003 00 7f ff,                        'U8[3][0.0, 127.0, 255.0]'",
      "0000 0901 00000002 7f ff,                           'I32[2][127.0, -1.0]'",
      "0000 0b01 00000002 0102 ffff,                       'I32[2][258.0, -1.0]'",
      "0000 0c02 00000001 00000002 00010203 80000000,      'I32[1, 2][66051.0, -2.147483648E9]'",
      "0000 0d01 00000002 3fc00000 c0000000,               'F32[2][1.5, -2.0]'",
      "0000 0e01 00000001 3ff8000000000000,                'F64[1][1.5]'",
      "0000 0e00 c000000000000000,                         'F64[][-2.0]'",
      "0000 0803 00000000 0000001c 0000001c,               'U8[0, 28, 28][]'"})
  void everyElementTypeIsReadBigEndian(String bytes, String expected) throws IOException {
    assertThat(read(hex(bytes))).hasToString(expected);
    assertThat(read(gzip(hex(bytes)))).hasToString(expected);
    Path file = Files.write(folder.resolve("plain"), hex(bytes));
    assertThat(Idx.read(file)).hasToString(expected);
    assertThat(Idx.read(Files.write(folder.resolve("packed"), gzip(hex(bytes))))).hasToString(expected);
  }

  @ParameterizedTest
  @EnumSource(names = {"U8", "I32", "F32", "F64"})
  void whatIsWrittenIsReadBack(DType dtype) throws IOException {
    HostArray array = HostArray.zeros(dtype, 3, 2, 5);
    for (int i = 0; i < 30; i++) {
      array.set(i, dtype == DType.U8 ? i * 8 : i * 1.5 - 20);
    }
    for (String name : new String[] {"a", "a.gz"}) {
      Path file = folder.resolve(name);
      Idx.write(file, array);
      Idx.write(file, array);
      HostArray back = Idx.read(file);
      assertThat(back.spec()).isEqualTo(array.spec());
      assertThat(back.toDoubles()).isEqualTo(array.toDoubles());
    }
    assertThat(Files.readAllBytes(folder.resolve("a.gz"))).startsWith(0x1f, 0x8b);
    try (var files = Files.list(folder)) {
      assertThat(files).as("no temporary file is left").hasSize(2);
    }
  }

  @Test
  void theBytesWrittenAreTheFormat() throws IOException {
    Path file = folder.resolve("labels");
    Idx.write(file, HostArray.of(new byte[] {9, 0, (byte) 200}, 3));
    assertThat(Files.readAllBytes(file)).isEqualTo(hex("0000 0801 00000003 09 00 c8"));
    Idx.write(file, HostArray.of(new int[] {1, -2}, 1, 2));
    assertThat(Files.readAllBytes(file)).isEqualTo(hex("0000 0c02 00000001 00000002 00000001 fffffffe"));
  }

  @Test
  void whatTheFormatDoesNotHaveIsNotWritten() {
    assertThatThrownBy(() -> Idx.write(folder.resolve("x"), HostArray.zeros(DType.BOOL, 2)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith("BOOL[2] for ").hasMessageEndingWith("IDX has no BOOL; convert it first");
    assertThatThrownBy(() -> Idx.write(folder, HostArray.zeros(DType.U8, 2)))
        .hasMessageEndingWith("it is a folder; give the name of a file");
    assertThatThrownBy(() -> Idx.write(folder.resolve("no/x"), HostArray.zeros(DType.U8, 2)))
        .hasMessageEndingWith("does not exist; create it first");
    assertThat(folder).isEmptyDirectory();
  }

  @ParameterizedTest
  @CsvSource({
      "'',                                          the file is empty",
      "0000 08,                                     the file ends inside the IDX header",
      "0000 0802 00000003 0000,                     'the file ends inside the IDX header, which has 2 dimensions'",
      "0001 0801 00000001 00,                       not an IDX file: it begins with 00 01 and not with 00 00",
      "8950 4e47 0d0a 1a0a,                         not an IDX file: it begins with 89 50 and not with 00 00",
      "0000 0a01 00000001 00,                       IDX has no element type 0x0a",
      "0000 0801 ffffffff 00,                       a dimension of 4294967295; at most 2147483647 is read",
      "0000 0802 00000002 00000002 01 02 03"
          + ", 'an IDX file of unsigned bytes [2, 2] has 4 bytes after its header, this one has 3 of them'",
      "0000 0801 00000002 01 02 03"
          + ", 'an IDX file of unsigned bytes [2] has 2 bytes after its header, this one has more'",
      "0000 0d01 00000002 3fc00000"
          + ", 'an IDX file of floats [2] has 8 bytes after its header, this one has 4 of them'"})
  void malformedFilesAreRefused(String bytes, String problem) throws IOException {
    byte[] content = hex(bytes);
    assertRefused(() -> read(content)).hasMessage("it: " + problem);
    Path file = Files.write(folder.resolve("file"), content);
    assertRefused(() -> Idx.read(file)).hasMessage(file + ": " + problem);
    byte[] packed = gzip(content);
    assertRefused(() -> read(packed)).hasMessage("it: " + problem);
  }

  @ParameterizedTest
  @CsvSource({
      // 2^40 elements, 2^31 - 1 bytes and 2^93 elements are claimed by files of a few bytes.
      "0000 0802 00100000 00100000 00"
          + ", 'declares unsigned bytes [1048576, 1048576], which is more than the limit of"
          + " 2147483639 bytes'",
      "0000 0902 00008000 00008000 00"
          + ", 'declares signed bytes [32768, 32768], which is more than the limit of 2147483639 bytes'",
      "0000 0801 7ffffff7 00"
          + ", 'an IDX file of unsigned bytes [2147483639] has 2147483639 bytes after"
          + " its header, this one has 1 of them'",
      "0000 0803 7fffffff 7fffffff 7fffffff 00"
          + ", 'impossible dimensions: the elements of [2147483647, 2147483647, 2147483647] cannot be"
          + " counted in 64 bits'"})
  void aLyingHeaderCostsNoMemory(String bytes, String problem) throws IOException {
    byte[] content = hex(bytes);
    byte[] packed = gzip(content);
    assertRefused(() -> read(content)).hasMessage("it: " + problem);
    assertRefused(() -> read(packed)).hasMessage("it: " + problem);
    Path file = Files.write(folder.resolve("file"), content);
    assertRefused(() -> Idx.read(file)).hasMessage(file + ": " + problem);
  }

  @Test
  void aGzipBombIsLeftAloneAtTheDeclaredSize() throws IOException {
    // A thousand times its size in zeros, in a file that declares 4 bytes of them.
    byte[] plain = Arrays.copyOf(hex("0000 0801 00000004"), 64 << 20);
    byte[] packed = gzip(plain);
    assertRefused(() -> read(packed))
        .hasMessage("it: an IDX file of unsigned bytes [4] has 4 bytes after its header, this one has more");
    byte[] honest = Arrays.copyOf(hex("0000 0801 03fffff8"), 64 << 20);
    Path file = Files.write(folder.resolve("bomb"), gzip(honest));
    assertRefused(() -> Idx.read(file, 1 << 20))
        .hasMessage(file + ": declares unsigned bytes [67108856], which is more than the limit of 1048576 bytes");
    assertThat(Idx.read(file).shape().dims()).containsExactly(67108856);
  }

  @Test
  void damagedGzipDataAreRefused() throws IOException {
    byte[] plain = Arrays.copyOf(hex("0000 0801 00002710"), 8 + 10_000);
    Random random = new Random(1);
    for (int i = 8; i < plain.length; i++) {
      plain[i] = (byte) random.nextInt();
    }
    byte[] packed = gzip(plain);
    assertRefused(() -> read(Arrays.copyOf(packed, 5000)))
        .hasMessage("it: the gzip data end too early; the file is truncated");
    assertRefused(() -> read(Arrays.copyOf(packed, 5)))
        .hasMessage("it: the gzip data end too early; the file is truncated");
    byte[] checksum = packed.clone();
    checksum[packed.length - 6] ^= 1;
    assertRefused(() -> read(checksum)).hasMessageStartingWith("it: corrupt gzip data: ");
    byte[] method = packed.clone();
    method[2] = 7;
    assertRefused(() -> read(method)).hasMessageStartingWith("it: corrupt gzip data: ");
  }

  @Test
  void aStreamIsLeftOpenForItsOwner() throws IOException {
    for (byte[] bytes : new byte[][] {hex("0000 0801 00000001 05"), gzip(hex("0000 0801 00000001 05"))}) {
      InputStream in = new FilterInputStream(new ByteArrayInputStream(bytes)) {
        @Override
        public void close() {
          throw new AssertionError("closed");
        }
      };
      assertThat(Idx.read(in, "it").toInts()).containsExactly(5);
    }
  }

  @Test
  void anErrorOfTheDiskIsNoErrorOfTheFormat() {
    InputStream broken = new InputStream() {
      @Override
      public int read() throws IOException {
        throw new IOException("the disk is on fire");
      }

      @Override
      public int read(byte[] to, int offset, int length) throws IOException {
        return read();
      }
    };
    assertThatThrownBy(() -> Idx.read(broken, "it")).isExactlyInstanceOf(IOException.class)
        .hasMessage("the disk is on fire");
  }

  @Test
  void randomDamageIsRefusedOrReadButNothingElseHappens() throws IOException {
    long seed = 20250711;
    Random random = new Random(seed);
    byte[] plain = hex("0000 0b02 00000003 00000004 0001 0002 0003 0004 0005 0006 0007 0008 0009 000a 000b 000c");
    byte[] packed = gzip(plain);
    int refused = 0;
    for (int i = 0; i < 20_000; i++) {
      byte[] damaged = Damage.some(random, i % 2 == 0 ? plain : packed);
      try {
        read(damaged);
      } catch (FileFormatException e) {
        refused++;
      } catch (IOException | RuntimeException | Error e) {
        throw new AssertionError("seed " + seed + ", case " + i + ", bytes " + HexFormat.of().formatHex(damaged), e);
      }
    }
    assertThat(refused).as("seed %d", seed).isGreaterThan(10_000);
  }

  @Test
  void gzipWrittenHereIsReadElsewhere() throws IOException {
    Path file = folder.resolve("a.gz");
    Idx.write(file, HostArray.of(new byte[] {1, 2}, 2));
    try (InputStream in = new GZIPInputStream(Files.newInputStream(file))) {
      assertThat(in.readAllBytes()).isEqualTo(hex("0000 0801 00000002 0102"));
    }
  }
}
