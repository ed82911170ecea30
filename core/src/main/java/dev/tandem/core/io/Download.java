package dev.tandem.core.io;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpConnectTimeoutException;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpResponse.BodySubscribers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.HexFormat;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Predicate;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;

/**
 * Fetches files that are known by their checksum. Only https is spoken, also after a redirect; a file appears in its
 * folder only when it is complete and has the checksum that was asked for; a body larger than allowed is not read to
 * its end.
 */
public final class Download {
  private static final int MAX_REDIRECTS = 5;
  private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(20);
  private static final Duration ANSWER_TIMEOUT = Duration.ofSeconds(60);
  private static final Duration BODY_TIMEOUT = Duration.ofMinutes(20);

  private final Predicate<URI> allowed;

  /** Downloads over https. */
  public Download() {
    this(uri -> "https".equalsIgnoreCase(uri.getScheme()) && uri.getHost() != null);
  }

  /** Downloads from the addresses that are {@code allowed}; checked anew after each redirect. */
  Download(Predicate<URI> allowed) {
    this.allowed = allowed;
  }

  /** What a file must be to be kept. */
  private record Expected(long maxBytes, boolean gzip, String sha256) {}

  /**
   * Fetches {@code from} to {@code folder/name}, unless that file is there with this checksum.
   *
   * @param folder made if it does not exist
   * @param name a plain file name
   * @param maxBytes the largest file that is accepted
   * @param sha256 of the file, in hexadecimal
   * @return the file
   * @throws FileFormatException if the file, or one that is already there, has another checksum
   * @throws IOException if the address is not https, cannot be reached or does not answer with a file
   * @throws IllegalArgumentException if {@code name} is no plain file name
   */
  public Path fetch(URI from, Path folder, String name, long maxBytes, String sha256) throws IOException {
    return fetch(from, folder, name, new Expected(maxBytes, false, sha256));
  }

  /**
   * Fetches a gzip file and keeps it compressed, as for {@link #fetch}; but checksum and limit are those of the
   * uncompressed content, which do not depend on who compressed it. The compressed file must keep within the limit,
   * too.
   */
  public Path fetchGzip(URI from, Path folder, String name, long maxBytes, String sha256) throws IOException {
    return fetch(from, folder, name, new Expected(maxBytes, true, sha256));
  }

  private Path fetch(URI from, Path folder, String name, Expected expected) throws IOException {
    if (name.isEmpty() || name.equals(".") || name.equals("..") || name.contains("/") || name.contains("\\")
        || name.indexOf(0) >= 0) {
      throw new IllegalArgumentException("\"" + name + "\" is no plain file name; a download stays in its folder");
    }
    Path target = folder.resolve(name);
    if (Files.exists(target)) {
      verify(target, target.toString(), "delete it to fetch it anew from " + from, expected);
      return target;
    }
    Files.createDirectories(folder);
    try (AtomicFile file = new AtomicFile(target)) {
      try (OutputStream created = file.open()) {
        // Made here, and exclusively, so that the client writes to a file of ours and not through a link of somebody
        // else.
        created.flush();
      }
      transfer(from, file.path(), expected.maxBytes);
      verify(file.path(), from.toString(), "nothing was kept", expected);
      file.commit();
    }
    return target;
  }

  private void transfer(URI from, Path file, long maxBytes) throws IOException {
    URI uri = from;
    HttpClient client =
        HttpClient.newBuilder().followRedirects(HttpClient.Redirect.NEVER).connectTimeout(CONNECT_TIMEOUT).build();
    try {
      for (int redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
        if (!allowed.test(uri)) {
          throw new IOException(uri + (uri.equals(from) ? "" : ", to which " + from + " redirects,")
              + " is refused; only https is allowed");
        }
        HttpResponse<?> response = send(client, uri, file, maxBytes);
        switch (response.statusCode()) {
          case 200 -> {
            return;
          }
          case 301, 302, 303, 307, 308 -> uri = redirect(uri, response);
          default ->
              throw new IOException(uri + " answered with status " + response.statusCode() + " and not with a file");
        }
      }
    } finally {
      client.shutdownNow();
    }
    throw new IOException(from + " redirects more than " + MAX_REDIRECTS + " times");
  }

  private static URI redirect(URI from, HttpResponse<?> response) throws IOException {
    String location = response.headers().firstValue("location").orElse("");
    try {
      return from.resolve(URI.create(location));
    } catch (IllegalArgumentException e) {
      throw new IOException(from + " redirects to \"" + location + "\", which is no address", e);
    }
  }

  private static HttpResponse<?> send(HttpClient client, URI uri, Path file, long maxBytes) throws IOException {
    HttpRequest request = HttpRequest.newBuilder(uri).timeout(ANSWER_TIMEOUT).build();
    HttpResponse.BodyHandler<Path> toFile = BodyHandlers.limiting(BodyHandlers.ofFile(file), maxBytes);
    CompletableFuture<? extends HttpResponse<?>> answer = client.sendAsync(request,
        info -> info.statusCode() == 200 ? toFile.apply(info) : BodySubscribers.replacing(file));
    try {
      return answer.get(BODY_TIMEOUT.toSeconds(), TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      InterruptedIOException interrupted = new InterruptedIOException("interrupted while fetching " + uri);
      interrupted.initCause(e);
      throw interrupted;
    } catch (TimeoutException e) {
      throw new IOException(uri + " was not complete after " + BODY_TIMEOUT.toMinutes() + " minutes", e);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof ConnectException || e.getCause() instanceof HttpConnectTimeoutException) {
        throw new IOException("cannot reach " + uri + " (" + e.getCause() + "); is this machine online?", e);
      }
      throw new IOException(
          uri + " broke off, or is larger than the " + maxBytes + " bytes that are allowed (" + e.getCause() + ")", e);
    }
  }

  private static void verify(Path file, String name, String remedy, Expected expected) throws IOException {
    MessageDigest digest;
    try {
      digest = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every Java platform has SHA-256", e);
    }
    try (InputStream raw = Files.newInputStream(file);
        DigestInputStream in = new DigestInputStream(expected.gzip ? new GZIPInputStream(raw) : raw, digest)) {
      byte[] chunk = new byte[1 << 16];
      long length = 0;
      for (int n = in.read(chunk); n >= 0; n = in.read(chunk)) {
        length += n;
        if (length > expected.maxBytes) {
          throw new FileFormatException(name,
              "has more than the " + expected.maxBytes + " bytes that are allowed; " + remedy);
        }
      }
    } catch (ZipException | EOFException e) {
      throw new FileFormatException(name, "is no complete gzip file; " + remedy, e);
    }
    String found = HexFormat.of().formatHex(digest.digest());
    if (!found.equalsIgnoreCase(expected.sha256)) {
      throw new FileFormatException(name,
          "has the SHA-256 checksum " + found + " and not " + expected.sha256 + "; " + remedy);
    }
  }
}
