package dev.tandem.core.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class DownloadTest {
  private static final byte[] CONTENT = "the content".repeat(1000).getBytes(StandardCharsets.US_ASCII);

  @TempDir private Path folder;
  private LoopbackServer server;

  @BeforeEach
  void start() throws IOException {
    server = new LoopbackServer();
  }

  @AfterEach
  void stop() {
    server.close();
  }

  private static String sha256(byte[] bytes) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }

  private static byte[] gzip(byte[] plain) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (GZIPOutputStream out = new GZIPOutputStream(bytes)) {
      out.write(plain);
    }
    return bytes.toByteArray();
  }

  private Path fetch(String path) throws IOException {
    return server.download().fetch(server.uri(path), folder, "file", 20_000, sha256(CONTENT));
  }

  @Test
  void aFileWithTheRightChecksumIsKept() throws IOException {
    server.serve("/a", CONTENT);
    Path file = server.download().fetch(server.uri("/a"), folder.resolve("new/folder"), "file", CONTENT.length,
        sha256(CONTENT));
    assertThat(file).isEqualTo(folder.resolve("new/folder/file")).hasBinaryContent(CONTENT);
    assertThat(folder.resolve("new/folder").toFile().list()).containsExactly("file");
  }

  @Test
  void aFileThatIsThereIsNotFetchedAgain() throws IOException {
    server.serve("/a", CONTENT);
    fetch("/a");
    fetch("/a");
    assertThat(server.requests()).hasSize(1);
    Files.writeString(folder.resolve("file"), "mine");
    assertThatThrownBy(() -> fetch("/a")).isInstanceOf(FileFormatException.class)
        .hasMessageContaining("has the SHA-256 checksum")
        .hasMessageEndingWith("delete it to fetch it anew from " + server.uri("/a"));
    assertThat(folder.resolve("file")).hasContent("mine");
  }

  @Test
  void anotherChecksumLeavesNothing() {
    server.serve("/a", "the wrong content".getBytes(StandardCharsets.US_ASCII));
    assertThatThrownBy(() -> fetch("/a")).isInstanceOf(FileFormatException.class)
        .hasMessageStartingWith(server.uri("/a") + ": has the SHA-256")
        .hasMessageEndingWith("and not " + sha256(CONTENT) + "; nothing was kept");
    assertThat(folder).isEmptyDirectory();
  }

  @Test
  void gzipFilesAreCheckedByTheirContentAndKeptCompressed() throws IOException {
    byte[] packed = gzip(CONTENT);
    server.serve("/a.gz", packed);
    Path file = server.download().fetchGzip(server.uri("/a.gz"), folder, "a.gz", CONTENT.length, sha256(CONTENT));
    assertThat(file).hasBinaryContent(packed);
  }

  @Test
  void gzipFilesThatAreBombsOrDamagedLeaveNothing() throws IOException {
    server.serve("/bomb", gzip(new byte[1 << 20]));
    server.serve("/cut", Arrays.copyOf(gzip(CONTENT), 40));
    server.serve("/html", "<html>not found</html>".getBytes(StandardCharsets.US_ASCII));
    assertThatThrownBy(() -> server.download().fetchGzip(server.uri("/bomb"), folder, "f", 10_000, "00"))
        .isInstanceOf(FileFormatException.class)
        .hasMessage(server.uri("/bomb") + ": has more than the 10000 bytes that are allowed; nothing was kept");
    for (String path : new String[] {"/cut", "/html"}) {
      assertThatThrownBy(() -> server.download().fetchGzip(server.uri(path), folder, "f", 20_000, "00"))
          .isInstanceOf(FileFormatException.class)
          .hasMessage(server.uri(path) + ": is no complete gzip file; nothing was kept");
    }
    assertThat(folder).isEmptyDirectory();
  }

  @ParameterizedTest
  @CsvSource({"20001, 20001", "20001, -1", "10000000, 10000000", "10000000, -1"})
  void aLargerBodyIsNotRead(int length, long declared) {
    server.answer("/a", 200, new byte[length], declared);
    assertThatThrownBy(() -> fetch("/a")).isExactlyInstanceOf(IOException.class)
        .hasMessageStartingWith(server.uri("/a") + " broke off, or is larger than the 20000 bytes that are allowed (");
    assertThat(folder).isEmptyDirectory();
  }

  @Test
  void aBodyThatBreaksOffLeavesNothing() {
    server.answer("/a", 200, new byte[100], 11_000);
    assertThatThrownBy(() -> fetch("/a")).isInstanceOf(IOException.class)
        .hasMessageContaining(server.uri("/a").toString());
    assertThat(folder).isEmptyDirectory();
  }

  @ParameterizedTest
  @ValueSource(ints = {404, 500, 403, 204})
  void anotherStatusIsAnError(int status) {
    server.answer("/a", status, new byte[0], 0);
    assertThatThrownBy(() -> fetch("/a")).isExactlyInstanceOf(IOException.class)
        .hasMessage(server.uri("/a") + " answered with status " + status + " and not with a file");
    assertThat(folder).isEmptyDirectory();
  }

  @Test
  void redirectsAreFollowedWhereAllowed() throws IOException {
    server.redirect("/a", "/b");
    server.redirect("/b", server.uri("/c").toString());
    server.serve("/c", CONTENT);
    assertThat(fetch("/a")).hasBinaryContent(CONTENT);
  }

  @Test
  void redirectsAreRefusedWhereNotAllowedAndWhenTheyDoNotEnd() {
    server.redirect("/away", "http://elsewhere.invalid/file");
    server.redirect("/loop", "/loop");
    server.redirect("/nowhere", "http://[");
    assertThatThrownBy(() -> fetch("/away")).hasMessage("http://elsewhere.invalid/file, to which " + server.uri("/away")
        + " redirects, is refused; only https is allowed");
    assertThatThrownBy(() -> fetch("/loop")).hasMessage(server.uri("/loop") + " redirects more than 5 times");
    assertThat(server.requests()).filteredOn("/loop"::equals).hasSize(6);
    assertThatThrownBy(() -> fetch("/nowhere")).hasMessageContaining("which is no address");
    assertThat(folder).isEmptyDirectory();
  }

  @ParameterizedTest
  @ValueSource(strings = {"http://localhost/a", "file:///etc/hostname", "ftp://localhost/a", "https:///a", "a"})
  void onlyHttpsIsSpoken(String uri) {
    assertThatThrownBy(() -> new Download().fetch(URI.create(uri), folder, "file", 10, "00"))
        .isInstanceOf(IOException.class)
        .hasMessage(uri + " is refused; only https is allowed");
    assertThat(folder).isEmptyDirectory();
  }

  @ParameterizedTest
  @ValueSource(strings = {"", ".", "..", "../file", "a/b", "/tmp/file", "a\\b", "..\\file", "a\0b"})
  void aDownloadStaysInItsFolder(String name) {
    assertThatThrownBy(() -> server.download().fetch(server.uri("/a"), folder, name, 10, "00"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("is no plain file name; a download stays in its folder");
    assertThat(server.requests()).isEmpty();
  }

  @Test
  void aServerThatCannotBeReachedIsNamed() {
    URI uri = server.uri("/a");
    Download download = server.download();
    server.close();
    assertThatThrownBy(() -> download.fetch(uri, folder, "file", 10, "00")).isInstanceOf(IOException.class)
        .hasMessageStartingWith("cannot reach " + uri).hasMessageEndingWith("is this machine online?");
    assertThat(folder).isEmptyDirectory();
  }

  @Test
  void anInterruptEndsTheDownload() {
    server.serve("/a", CONTENT);
    Thread.currentThread().interrupt();
    assertThatThrownBy(() -> fetch("/a")).isInstanceOf(InterruptedIOException.class)
        .hasMessage("interrupted while fetching " + server.uri("/a"));
    assertThat(Thread.interrupted()).isTrue();
    assertThat(folder).isEmptyDirectory();
  }
}
