import { CodeSample } from '../ui/code-sample.tsx';
import { Empty } from '../ui/empty.tsx';
import { uploadSample } from './upload-sample.ts';

/** What stands in the place of the list before there is anything in it. */
export function FirstDocument() {
  return (
    <Empty title="No documents yet">
      <p>Drop a file above, or send one from a program with your API key:</p>
      <div className="text-left text-ink">
        <CodeSample code={uploadSample(location.origin)} label="Upload with curl" />
      </div>
    </Empty>
  );
}
