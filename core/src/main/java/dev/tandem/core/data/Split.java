package dev.tandem.core.data;

/**
 * Two disjoint sets of samples of one kind.
 *
 * @param train what a model learns from
 * @param test what it is judged by
 */
public record Split(Dataset train, Dataset test) {}
