package dev.tandem.examples;

import de.siegmar.fastcsv.reader.NamedCsvRecord;
import dev.tandem.core.data.ArrayDataset;
import dev.tandem.core.data.Dataset;
import dev.tandem.core.io.FileFormatException;
import dev.tandem.core.nn.Activations;
import dev.tandem.core.nn.ClassificationOptions;
import dev.tandem.core.nn.GraphConvolution;
import dev.tandem.core.nn.Loss;
import dev.tandem.core.nn.Losses;
import dev.tandem.core.nn.Module;
import dev.tandem.core.optim.Adam;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.tensor.Tensor;
import dev.tandem.core.train.Metric;
import dev.tandem.core.train.Trainer;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A graph convolutional network finds out which side the members of a karate club took when it split: W. Zachary, An
 * information flow model for conflict and fission in small groups, 1977. It is told the side of one member of each, and
 * who is friends with whom: T. Kipf and M. Welling, Semi-supervised classification with graph convolutional networks,
 * 2017.
 */
public final class Gcn implements Example {
  private static final String MEMBERS = "karate_club_members.csv";
  private static final String FRIENDS = "karate_club_friends.csv";
  private static final int MOST_MEMBERS = 4096;
  private static final int UNTOLD = -1;
  private static final int STEPS_PER_EPOCH = 20;

  /** Two convolutions over one graph: F32[N, V, V] to logits F32[N, V, sides]. */
  private static final class Network extends Module {
    private final Tensor adjacency;
    private final GraphConvolution first;
    private final GraphConvolution second;

    Network(Tensor adjacency, int sides) {
      this.adjacency = GraphConvolution.normalized(adjacency);
      first = child("first", new GraphConvolution(adjacency.shape().dim(0), 16));
      second = child("second", new GraphConvolution(16, sides));
    }

    @Override
    protected Tensor forward(Tensor x) {
      return second.apply(Activations.relu(first.apply(x, adjacency)), adjacency);
    }
  }

  /** The share of the members with a label whose label is the side with the largest logit. */
  private record Accuracy() implements Metric {
    @Override
    public String name() {
      return "accuracy";
    }

    @Override
    public Tensor total(Tensor logits, Tensor labels) {
      Tensor right = logits.argmax(2).equalTo(labels).to(DType.F32).sum(1);
      return right.div(labels.notEqualTo(UNTOLD).to(DType.F32).sum(1)).sum();
    }
  }

  /**
   * Who is there.
   *
   * @param names of members
   * @param sides the names of the sides
   * @param side of each member, its number among the sides
   * @param adjacency F32[V, V], 1 where two members are friends
   */
  private record Club(List<String> names, List<String> sides, List<Integer> side, HostArray adjacency) {
  }

  @Override
  public String name() {
    return "gcn";
  }

  @Override
  public String description() {
    return "graph convolutions find the two sides of a karate club that split";
  }

  /** An epoch is 20 looks at the graph. */
  @Override
  public int epochs() {
    return 10;
  }

  @Override
  public int batch() {
    return 1;
  }

  @Override
  public void run(Session session) throws IOException {
    Club club = club(session);
    int n = club.names().size();
    int[] told = new int[n];
    Arrays.fill(told, UNTOLD);
    int[] untold = club.side().stream().mapToInt(Integer::intValue).toArray();
    for (int side = 0; side < club.sides().size(); side++) {
      int leader = mostFriends(club, side);
      told[leader] = side;
      untold[leader] = UNTOLD;
    }

    // The graph is one sample. Members are told apart by nothing but who they are: one-hot features.
    float[] features = new float[n * n];
    for (int i = 0; i < n; i++) {
      features[i * n + i] = 1;
    }
    HostArray x = HostArray.of(features, 1, n, n);
    Dataset train = new ArrayDataset(x, HostArray.of(told, 1, n)).subset(new int[STEPS_PER_EPOCH]);
    Dataset test = new ArrayDataset(x, HostArray.of(untold, 1, n));

    var network = new Network(Tensor.of(session.device(), club.adjacency()), club.sides().size());
    Loss crossEntropy = Losses.crossEntropy(ClassificationOptions.DEFAULT.withIgnoreIndex(UNTOLD));
    var trainer = Trainer.of(network, (logits, labels) -> crossEntropy.apply(logits.transpose(1, 2), labels),
        new Adam(0.01)).metric(new Accuracy());
    session.fit(trainer, train.batches(session.batch()), test.batches(1));

    int[] guesses = network.apply(Tensor.of(session.device(), x)).argmax(2).toIntArray();
    for (int i = 0; i < n; i++) {
      if (guesses[i] != club.side().get(i)) {
        session.print("member " + club.names().get(i) + " went with " + club.sides().get(club.side().get(i))
            + ", and the network says " + club.sides().get(guesses[i]));
      }
    }
  }

  private static int mostFriends(Club club, int side) {
    int n = club.names().size();
    int best = -1;
    double most = -1;
    for (int i = 0; i < n; i++) {
      double friends = 0;
      for (int j = 0; j < n; j++) {
        friends += club.adjacency().get((long) i * n + j);
      }
      if (club.side().get(i) == side && friends > most) {
        best = i;
        most = friends;
      }
    }
    return best;
  }

  private static Club club(Session session) throws IOException {
    Map<String, Integer> numbers = new LinkedHashMap<>();
    List<String> sideOf = new ArrayList<>();
    for (NamedCsvRecord row : Table.rows(session, MEMBERS)) {
      String name = Table.text(MEMBERS, row, 0);
      if (numbers.put(name, numbers.size()) != null) {
        throw Table.mistake(MEMBERS, row, "has '" + name + "' again");
      }
      sideOf.add(Table.text(MEMBERS, row, 1));
    }
    int n = numbers.size();
    List<String> sides = sideOf.stream().distinct().sorted().toList();
    if (sides.size() < 2 || n <= sides.size() || n > MOST_MEMBERS) {
      throw new FileFormatException(MEMBERS, "has " + n + " members on " + sides.size()
          + " sides; wanted are two sides or more, and more members than that, at most " + MOST_MEMBERS);
    }
    float[] adjacency = new float[n * n];
    for (NamedCsvRecord row : Table.rows(session, FRIENDS)) {
      int a = member(numbers, row, 0);
      int b = member(numbers, row, 1);
      if (a == b) {
        throw Table.mistake(FRIENDS, row, "makes a member their own friend");
      }
      adjacency[a * n + b] = 1;
      adjacency[b * n + a] = 1;
    }
    return new Club(List.copyOf(numbers.keySet()), sides, sideOf.stream().map(sides::indexOf).toList(),
        HostArray.of(adjacency, n, n));
  }

  private static int member(Map<String, Integer> numbers, NamedCsvRecord row, int column) throws IOException {
    String name = Table.text(FRIENDS, row, column);
    Integer number = numbers.get(name);
    if (number == null) {
      throw Table.mistake(FRIENDS, row, "names '" + name + "', who is not in " + MEMBERS);
    }
    return number;
  }
}
